//! What squawk's linter knows, in the words of our rules. Its style rules are left out, and so is what it says of
//! tables that are new, small, or known to have nothing to prove.

use squawk_linter::{Linter, Rule};
use squawk_syntax::ast::{self, AstNode as _, NameLike as _};

use super::own::Look;
use super::past::Constraint;
use super::script::Script;
use super::tree::{self, find, name, says, words};

/// The rules of squawk that are asked, by its own names.
const ASKED: &[&str] = &[
    "require-concurrent-index-creation",
    "require-concurrent-index-deletion",
    "require-concurrent-reindex",
    "require-concurrent-partition-detach",
    "constraint-missing-not-valid",
    "adding-foreign-key-constraint",
    "adding-not-nullable-field",
    "adding-field-with-default",
    "adding-required-field",
    "disallowed-unique-constraint",
    "changing-column-type",
    "ban-alter-domain-with-add-constraint",
    "ban-concurrent-index-creation-in-transaction",
    "ban-disable-trigger",
    "ban-drop-column",
    "ban-drop-constraint",
    "ban-drop-default",
    "ban-drop-domain",
    "ban-drop-extension",
    "ban-drop-function",
    "ban-drop-not-null",
    "ban-drop-schema",
    "ban-drop-sequence",
    "ban-drop-table",
    "ban-drop-type",
    "ban-drop-view",
    "ban-revoke",
    "ban-set-schema",
    "renaming-column",
    "renaming-object",
    "renaming-table",
    "transaction-nesting",
];

/// Something that squawk says, and where.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) statement: usize,
    pub(super) code: String,
    pub(super) start: usize,
}

/// Runs the linter over a script.
pub(super) fn lint(script: &Script) -> Vec<Said> {
    // Its own ignore comments ask for no reason; ours do.
    let text = script.text.replace("squawk-ignore", "squawk_ignore");
    let mut linter = Linter::from(ASKED.iter().filter_map(|name| name.parse::<Rule>().ok()));
    linter.settings.assume_in_transaction = script.wrapped;
    let parsed = ast::SourceFile::parse(&text);
    let said = linter.lint(&parsed, &text).into_iter().map(|violation| {
        let start = usize::from(violation.text_range.start());
        let statement =
            script.statements.partition_point(|statement| statement.start <= start).saturating_sub(1);
        Said { statement, code: violation.code.to_string(), start }
    });
    said.collect()
}

impl Look<'_> {
    /// One saying about one statement.
    pub(super) fn squawk(&mut self, said: &Said, stmt: &ast::Stmt, rest: &[ast::Stmt]) {
        let at = said.statement;
        if said.code == "transaction-nesting" {
            self.find("transaction-inside", at, None);
            return;
        }
        let table = subject(stmt);
        let table = table.as_deref().unwrap_or_default();
        if self.past.fresh(table) {
            return;
        }
        let quick = self.is_quick(table);
        match said.code.as_str() {
            "require-concurrent-index-creation" if !quick => {
                if !matches!(stmt, ast::Stmt::CreateIndex(index) if self.is_entry(index)) {
                    self.find("index-not-concurrent", at, Some(table));
                }
            }
            "require-concurrent-index-deletion" => self.find("index-drop-not-concurrent", at, None),
            "require-concurrent-reindex" => self.reindex(at, stmt),
            "require-concurrent-partition-detach" => self.find("partition-detached", at, Some(table)),
            "ban-concurrent-index-creation-in-transaction" => {
                self.find("concurrently-in-transaction", at, None)
            }
            "ban-alter-domain-with-add-constraint" => {
                if !says(&words(stmt.syntax()), &["NOT", "VALID"]) {
                    self.find("domain-validated", at, None);
                }
            }
            "ban-drop-domain" | "ban-drop-extension" | "ban-drop-function" | "ban-drop-schema"
            | "ban-drop-sequence" | "ban-drop-type" | "ban-drop-view" => self.dropped(at, stmt, rest),
            "ban-drop-table" => {
                for table in dropped_tables(stmt)
                    .into_iter()
                    .filter(|table| !self.past.fresh(table))
                    .collect::<Vec<_>>()
                {
                    // A table that is made anew has none of the rows: only another one can take its place with them.
                    let successor = |later: &ast::Stmt| {
                        !matches!(later, ast::Stmt::CreateTable(_)) && makes(later, &table)
                    };
                    if !rest.iter().any(successor) {
                        self.find("table-dropped", at, Some(&table));
                    }
                }
            }
            "ban-revoke" => self.find("right-revoked", at, None),
            "renaming-table" => {
                if !rest.iter().any(|later| makes(later, table)) {
                    self.find("table-renamed", at, Some(table));
                }
            }
            "renaming-object" => {
                let words = words(stmt.syntax());
                let harmless = words.get(1).is_some_and(|word| word == "INDEX")
                    || says(&words, &["RENAME", "CONSTRAINT"]);
                if !harmless {
                    self.find("object-renamed", at, None);
                }
            }
            code => self.squawk_action(at, stmt, table, code, said.start),
        }
    }

    /// Sayings about an action of ALTER TABLE.
    fn squawk_action(&mut self, at: usize, stmt: &ast::Stmt, table: &str, code: &str, start: usize) {
        let ast::Stmt::AlterTable(alter) = stmt else { return };
        let quick = self.is_quick(table);
        let action = alter.actions().filter(|action| tree::start(action.syntax()) <= start).last();
        let Some(action) = action else { return };
        match (code, &action) {
            ("constraint-missing-not-valid", ast::AlterTableAction::ValidateConstraint(_)) if !quick => {
                self.find("validate-under-lock", at, Some(table));
            }
            ("constraint-missing-not-valid", ast::AlterTableAction::AddConstraint(add)) if !quick => {
                match add.constraint() {
                    Some(ast::Constraint::CheckConstraint(_)) => {
                        self.find("check-validated", at, Some(table))
                    }
                    Some(ast::Constraint::NotNullConstraint(_)) => {
                        self.find("not-null-validated", at, Some(table))
                    }
                    _ => {}
                }
            }
            ("adding-foreign-key-constraint", _) if !quick => {
                self.find("foreign-key-validated", at, Some(table))
            }
            ("disallowed-unique-constraint", ast::AlterTableAction::AddConstraint(_)) if !quick => {
                self.find("unique-constraint", at, Some(table));
            }
            ("adding-not-nullable-field", ast::AlterTableAction::AlterColumn(column)) if !quick => {
                let column = column.column_name_ref().map(|name| name.text()).unwrap_or_default();
                let known = self.past.tables.get(table);
                let proved = known.is_some_and(|known| {
                    known.columns.get(&column).is_some_and(|column| column.not_null)
                        || known.constraints.values().any(|constraint| {
                            matches!(constraint, Constraint::Check { valid: true, not_null: Some(of), .. } if *of == column)
                        })
                });
                if !proved {
                    self.find("not-null-validated", at, Some(table));
                }
            }
            ("adding-field-with-default", ast::AlterTableAction::AddColumn(add)) if !quick => {
                let words = words(add.syntax());
                if says(&words, &["IDENTITY"]) {
                    self.find("serial-rewrite", at, Some(table));
                } else if !says(&words, &["VIRTUAL"]) {
                    self.find("default-rewrite", at, Some(table));
                }
            }
            ("adding-required-field", _) => self.find("column-required", at, Some(table)),
            ("changing-column-type", ast::AlterTableAction::AlterColumn(column))
                if !quick && self.rewrites(table, column) =>
            {
                self.find("type-rewrite", at, Some(table));
            }
            ("ban-drop-column", _) => self.find("column-dropped", at, Some(table)),
            ("ban-drop-constraint", _) => self.find("constraint-dropped", at, Some(table)),
            ("ban-drop-default", ast::AlterTableAction::AlterColumn(column)) => {
                let column = column.column_name_ref().map(|name| name.text()).unwrap_or_default();
                if self.past.column(table, &column).is_none_or(|column| column.not_null) {
                    self.find("default-dropped", at, Some(table));
                }
            }
            ("ban-drop-not-null", _) => self.find("not-null-dropped", at, Some(table)),
            ("ban-disable-trigger", ast::AlterTableAction::DisableTrigger(_)) => {
                self.find("trigger-disabled", at, Some(table))
            }
            ("ban-set-schema", _) => self.find("schema-changed", at, Some(table)),
            ("renaming-column", _) => self.find("column-renamed", at, Some(table)),
            _ => {}
        }
    }

    fn reindex(&mut self, at: usize, stmt: &ast::Stmt) {
        let of_table =
            find::<ast::ReindexTargetTable>(stmt.syntax()).and_then(|target| target.table_name_ref());
        let table = of_table.and_then(|table| name(table.path_ref())).or_else(|| {
            let index = find::<ast::ReindexTargetIndex>(stmt.syntax())?.index_ref()?;
            Some(self.past.indexes.get(&tree::last(index.syntax()))?.table.clone())
        });
        if !table.as_deref().is_some_and(|table| self.is_quick(table)) {
            self.find("reindex-not-concurrent", at, table.as_deref());
        }
    }

    /// A view, function and so on: gone for good, or made again further on.
    fn dropped(&mut self, at: usize, stmt: &ast::Stmt, rest: &[ast::Stmt]) {
        let words = words(stmt.syntax());
        let view = words.iter().take(3).any(|word| word == "VIEW");
        for object in objects_of(&words) {
            // A view that no migration made cannot be missed.
            let unknown = view && says(&words, &["IF", "EXISTS"]) && !self.past.tables.is_empty();
            let bare = object.rsplit_once('.').map_or(object.as_str(), |(_, bare)| bare);
            let fresh = self.past.fresh(&object) || (unknown && !self.past.views.contains(bare));
            if !fresh && !rest.iter().any(|later| makes(later, &object)) {
                self.find("object-dropped", at, Some(&object));
            }
        }
    }
}

/// The names after DROP KIND [IF EXISTS], without those of arguments.
fn objects_of(words: &[String]) -> Vec<String> {
    let kinds =
        ["DROP", "MATERIALIZED", "VIEW", "FUNCTION", "PROCEDURE", "TYPE", "DOMAIN", "SEQUENCE", "SCHEMA"];
    let rest = words.iter().skip_while(|word| {
        kinds.contains(&word.as_str()) || matches!(word.as_str(), "IF" | "EXISTS" | "EXTENSION" | "FOREIGN")
    });
    let (mut names, mut path, mut depth) = (Vec::new(), Vec::new(), 0_usize);
    for word in rest.map(String::as_str).chain([","]) {
        match word {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "," if depth == 0 => names.push(std::mem::take(&mut path).join(".")),
            "." | "CASCADE" | "RESTRICT" | ";" => {}
            name if depth == 0 => path.push(folded(name)),
            _ => {}
        }
    }
    let bare = |name: &String| name.strip_prefix("public.").unwrap_or(name).to_owned();
    names.iter().filter(|name| !name.is_empty()).map(bare).collect()
}

/// A word as the server takes it for a name.
fn folded(word: &str) -> String {
    match word.strip_prefix('"').and_then(|word| word.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => word.to_lowercase(),
    }
}

/// Whether a statement makes an object of this name.
fn makes(stmt: &ast::Stmt, object: &str) -> bool {
    let bare = object.rsplit_once('.').map_or(object, |(_, bare)| bare);
    let made = match stmt {
        ast::Stmt::CreateView(create) => create.view().map(|view| tree::last(view.syntax())),
        ast::Stmt::CreateMaterializedView(create) => create.view().map(|view| tree::last(view.syntax())),
        ast::Stmt::CreateFunction(create) => create.name().map(|name| tree::last(name.syntax())),
        ast::Stmt::CreateTable(create) => create.table_name().map(|name| tree::last(name.syntax())),
        ast::Stmt::CreateTableAs(create) => create.table_name().map(|name| tree::last(name.syntax())),
        ast::Stmt::CreateType(create) => create.type_name().map(|name| tree::last(name.syntax())),
        _ => {
            let words = words(stmt.syntax());
            return says(&words, &["RENAME", "TO"]) && named_last(&words, bare);
        }
    };
    made.as_deref() == Some(bare)
}

fn named_last(words: &[String], object: &str) -> bool {
    let last = words.iter().rev().find(|word| *word != ";");
    last.is_some_and(|word| word.trim_matches('"').to_lowercase() == object)
}

fn dropped_tables(stmt: &ast::Stmt) -> Vec<String> {
    let ast::Stmt::DropTable(drop) = stmt else { return Vec::new() };
    drop.table_name_refs().filter_map(|table| name(table.path_ref())).collect()
}

/// The table that a statement is about.
fn subject(stmt: &ast::Stmt) -> Option<String> {
    match stmt {
        ast::Stmt::AlterTable(alter) => name(alter.table_relation_name()?.table_name_ref()?.path_ref()),
        ast::Stmt::CreateIndex(index) => name(index.table_relation_name()?.table_name_ref()?.path_ref()),
        _ => None,
    }
}
