//! The runbook document is read whole, whoever wrote it.

use runbook::document::{Document, LineKind};

const OURS: &str = include_str!("../../../fixtures/runbook.md");

/// Another team's hand: setext headings, ordered and nested lists, a table, a wrapped item, SQL, no ticks.
const THEIRS: &str = "\
Lending desk: release night
===========================

Read this aloud before you start.

Before
------

1. Ring the *night porter*
2. Take a copy
   of the `loans` table,
   and keep it
   * label it
   * [x] lock it away

> Nobody works alone.

The change
----------

```sql
-- Widen the card number
ALTER TABLE card
  ALTER number TYPE bigint;

SELECT 1;
```

    ./indented.sh

| step | who |
|---|---|
| lights | porter |

### After *the* change

__Within the hour__

+ Lend one book
+ Return it

#### Next day

+ Count the books

Exit criteria
-------------

- No loan lost
- ✅ Desk open
";

fn section<'a>(document: &'a Document, id: &str) -> &'a runbook::document::Section {
    document.sections.iter().find(|section| section.id == id).unwrap_or_else(|| panic!("no section {id}"))
}

fn words<'a>(document: &'a Document, id: &str) -> Vec<&'a str> {
    section(document, id).lines.iter().map(|line| line.words.as_str()).collect()
}

#[test]
fn the_sections_of_a_runbook_are_its_headings() {
    let document = Document::parse(OURS);
    assert_eq!(document.title, "APEX Database Deployment Procedure");
    let titles: Vec<&str> = document.sections.iter().map(|section| section.title.as_str()).collect();
    assert_eq!(
        titles,
        [
            "Pre-Deployment Checklist",
            "1. Backup Current State",
            "2. Maintenance Window",
            "3. Apply Migrations",
            "4. Validate Schema",
            "5. Smoke Tests",
            "6. Performance Verification",
            "7. End Maintenance Window",
            "Rollback Procedure",
            "Post-Deployment Validation",
            "Success Criteria",
        ]
    );
    assert_eq!(section(&document, "3-apply-migrations").part.as_deref(), Some("Deployment Steps"));
    assert!(section(&document, "rollback-procedure").is_rollback());
    assert!(section(&document, "success-criteria").is_criteria());
    assert_eq!(document.sections.iter().filter(|s| s.is_criteria() || s.is_rollback()).count(), 2);
}

#[test]
fn tasks_bullets_criteria_and_commands_are_lines() {
    let document = Document::parse(OURS);
    let kinds = |id: &str| section(&document, id).lines.iter().map(|line| line.kind).collect::<Vec<_>>();
    assert_eq!(words(&document, "pre-deployment-checklist")[1], "Backup recent (<24hrs)");
    assert_eq!(kinds("pre-deployment-checklist"), [LineKind::Task; 5]);
    assert_eq!(
        words(&document, "3-apply-migrations"),
        ["cd services/api", "alembic upgrade head", "alembic current"]
    );
    assert_eq!(
        words(&document, "4-validate-schema"),
        ["Check indexes", "Check constraints", "Check foreign keys"]
    );
    assert_eq!(words(&document, "2-maintenance-window").len(), 3);
    assert_eq!(
        words(&document, "success-criteria"),
        [
            "All migrations applied",
            "No integrity violations",
            "Query performance <50ms",
            "Index hit rate >95%",
            "Zero rollback required",
            "Monitoring operational",
        ]
    );
    assert_eq!(kinds("success-criteria"), [LineKind::Criterion; 6]);
}

#[test]
fn groups_and_conditions_are_kept() {
    let document = Document::parse(OURS);
    let groups: Vec<_> = section(&document, "post-deployment-validation")
        .lines
        .iter()
        .map(|line| line.group.as_deref())
        .collect();
    assert_eq!(groups[..4], [Some("First 1 hour:"); 4]);
    assert_eq!(groups[4..], [Some("First 24 hours:"); 4]);
    assert_eq!(
        section(&document, "rollback-procedure").intro[0].text,
        "If issues detected within 30 minutes:"
    );
}

#[test]
fn every_line_knows_its_number() {
    let rows: Vec<&str> = OURS.lines().collect();
    let document = Document::parse(OURS);
    assert!(document.lines().count() > 30);
    for (_, line) in document.lines() {
        let row = rows[line.number - 1];
        assert!(row.contains(&line.words), "line {}: `{row}` does not hold `{}`", line.number, line.words);
    }
    for section in &document.sections {
        assert!(rows[section.number - 1].contains(&section.title), "{section:?}");
    }
}

#[test]
fn another_runbook_is_read_as_well() {
    let document = Document::parse(THEIRS);
    assert_eq!(document.title, "Lending desk: release night");
    assert_eq!(document.intro[0].text, "Read this aloud before you start.");
    assert_eq!(
        words(&document, "before"),
        [
            "Ring the *night porter*",
            "Take a copy of the `loans` table, and keep it",
            "label it",
            "lock it away",
        ]
    );
    assert_eq!(section(&document, "before").lines[1].number, 10);
    assert_eq!(section(&document, "before").intro[0].text, "Nobody works alone.");
    let change = section(&document, "the-change");
    assert_eq!(change.lines[0].words, "Widen the card number");
    assert_eq!(change.lines[0].commands, ["ALTER TABLE card\n  ALTER number TYPE bigint;"]);
    assert_eq!(change.lines[1].words, "SELECT 1;");
    assert_eq!(change.lines[2].words, "./indented.sh");
    assert!(change.intro.iter().any(|prose| prose.text.contains("porter")), "{change:?}");
    let after = section(&document, "after-the-change");
    assert_eq!(after.part.as_deref(), Some("The change"));
    assert_eq!(after.lines[0].group.as_deref(), Some("Within the hour"));
    assert_eq!(after.lines[2].group.as_deref(), Some("Next day"));
    assert!(section(&document, "exit-criteria").is_criteria());
}

#[test]
fn any_text_is_a_document() {
    for text in [
        "",
        "\n\n",
        "no heading at all",
        "```",
        "- [ ] task before any heading",
        "# \n## \n## \n- a",
        "\u{feff}# x\r\n- y\r\n",
    ] {
        let document = Document::parse(text);
        let mut ids: Vec<_> = document.sections.iter().map(|section| section.id.clone()).collect();
        ids.dedup();
        assert_eq!(ids.len(), document.sections.len(), "{text:?}: {document:?}");
    }
    assert_eq!(Document::parse("- [ ] task before any heading").lines().count(), 1);
}
