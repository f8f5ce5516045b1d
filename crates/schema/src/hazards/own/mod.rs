//! What squawk's linter does not know: our own look at each statement, in the light of those before it.

mod alter;
pub(super) mod block;
mod locks;
mod repeat;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use squawk_syntax::ast::{self, AstNode as _};

use super::found::Found;
use super::past::{Constraint, Past};
use super::rules::{self, Level};
use super::script::Script;
use super::squawk::Said;
use super::tree::{self, find, name, new_name, says, words};

/// A foreign key that the migration adds: whether an index covers it is known at its end.
struct Key {
    statement: usize,
    table: String,
    columns: Vec<String>,
}

/// The look at one script.
pub(super) struct Look<'a> {
    pub(super) script: &'a Script,
    pub(super) past: Past,
    pub(super) small: &'a BTreeSet<String>,
    pub(super) found: Vec<Found>,
    /// What this transaction has locked so far, by table.
    held: BTreeMap<String, locks::Mode>,
    keys: Vec<Key>,
    /// Lists of the CHECKs that this migration dropped, by table.
    dropped: Vec<(String, Vec<String>)>,
    /// Views that this transaction dropped.
    gone: BTreeSet<String>,
    /// Whether waits for locks have an end.
    timed: locks::Timed,
}

impl<'a> Look<'a> {
    pub(super) fn new(script: &'a Script, past: Past, small: &'a BTreeSet<String>) -> Self {
        Self {
            script,
            past,
            small,
            found: Vec::new(),
            held: BTreeMap::new(),
            keys: Vec::new(),
            dropped: Vec::new(),
            gone: BTreeSet::new(),
            timed: locks::Timed::default(),
        }
    }

    /// Looks at every statement.
    pub(super) fn all(mut self, statements: &[ast::Stmt], said: &[Said]) -> Vec<Found> {
        let policies: Vec<String> = statements.iter().filter_map(policy_of).collect();
        for table in policies {
            self.past.tables.entry(table).or_default().has_policy = true;
        }
        let mut unit = usize::MAX;
        for (at, stmt) in statements.iter().enumerate() {
            let of = self.script.statements.get(at).map_or(0, |statement| statement.unit);
            if of != unit {
                self.held.clear();
                self.gone.clear();
                self.timed.end_of_transaction();
                unit = of;
            }
            let before = self.found.len();
            let rest = statements.get(at + 1..).unwrap_or_default();
            for said in said.iter().filter(|said| said.statement == at) {
                self.squawk(said, stmt, rest);
            }
            self.one(at, stmt);
            self.repeatable(at, stmt);
            // Of a block, each statement was looked at by itself.
            if !matches!(stmt, ast::Stmt::Do(_)) {
                let long = self.found.iter().skip(before).any(locks::is_long) || self.works(stmt);
                self.locks(at, stmt, long);
            }
            self.past.take(stmt);
        }
        self.keys_covered();
        self.found
    }

    /// Adds what was found.
    pub(super) fn find(&mut self, id: &str, at: usize, object: Option<&str>) {
        let level = rules::named(id).map_or(Level::Advice, |rule| rule.level);
        self.find_as(id, level, at, object);
    }

    pub(super) fn find_as(&mut self, id: &str, level: Level, at: usize, object: Option<&str>) {
        let Some(rule) = rules::named(id) else { return };
        let line = self.script.statements.get(at).map_or(1, |statement| statement.line);
        let found =
            Found { rule, level, statement: at, line, object: object.map(str::to_owned), allowed: None };
        if !self
            .found
            .iter()
            .any(|known| (known.rule, known.statement, &known.object) == (rule, at, &found.object))
        {
            self.found.push(found);
        }
    }

    /// Whether going through this table keeps nobody waiting.
    pub(super) fn is_quick(&self, table: &str) -> bool {
        self.past.fresh(table) || self.small.contains(table)
    }

    /// Whether an index is only an entry in the catalogue: with ONLY, of a table whose rows are its partitions'.
    pub(super) fn is_entry(&self, index: &ast::CreateIndex) -> bool {
        let Some(relation) = index.table_relation_name() else { return false };
        let table = relation.table_name_ref().and_then(|table| name(table.path_ref()));
        let known = table.and_then(|table| self.past.tables.get(&table));
        says(&words(relation.syntax()), &["ONLY"]) && known.is_some_and(|known| known.partitioned)
    }

    fn one(&mut self, at: usize, stmt: &ast::Stmt) {
        self.inner_rows(at, stmt);
        match stmt {
            ast::Stmt::AlterTable(alter) => self.alter_table(at, alter),
            ast::Stmt::CreateTable(create) => self.create_table(at, create),
            ast::Stmt::CreateTrigger(trigger) => self.trigger(at, trigger),
            ast::Stmt::CreateExtension(extension) if extension.if_not_exists().is_none() => {
                let object = extension.extension().map(|name| tree::last(name.syntax()));
                self.find("extension-bare", at, object.as_deref());
            }
            ast::Stmt::Refresh(refresh) => {
                let view = refresh.view_ref().map(|view| tree::last(view.syntax()));
                if says(&words(refresh.syntax()), &["NO", "DATA"]) {
                    self.find("matview-emptied", at, view.as_deref());
                } else if refresh.concurrently_token().is_none()
                    && !self.past.fresh(view.as_deref().unwrap_or_default())
                {
                    self.find("refresh-not-concurrent", at, view.as_deref());
                }
            }
            ast::Stmt::DropMaterializedView(drop) => {
                self.gone.extend(drop.view_refs().map(|view| tree::last(view.syntax())));
            }
            ast::Stmt::CreateMaterializedView(create) => {
                let view = create.view().map(|view| tree::last(view.syntax()));
                if view.as_ref().is_some_and(|view| self.gone.contains(view)) {
                    self.find("matview-recreated", at, view.as_deref());
                }
            }
            ast::Stmt::AlterSequence(alter) if words(alter.syntax()).iter().any(|word| word == "RESTART") => {
                let object = alter.sequence_ref().map(|sequence| tree::last(sequence.syntax()));
                self.find("sequence-restarted", at, object.as_deref());
            }
            ast::Stmt::AlterDomain(alter) if says(&words(alter.syntax()), &["SET", "NOT", "NULL"]) => {
                self.find("domain-validated", at, None);
            }
            ast::Stmt::AlterType(alter) => {
                let words = words(alter.syntax());
                if says(&words, &["RENAME", "VALUE"]) || says(&words, &["RENAME", "ATTRIBUTE"]) {
                    let object = alter.type_name_ref().map(|name| tree::last(name.syntax()));
                    self.find("object-renamed", at, object.as_deref());
                }
            }
            ast::Stmt::Lock(lock) => {
                let table =
                    find::<ast::RelationNameRef>(lock.syntax()).and_then(|table| name(table.path_ref()));
                self.find("lock-table", at, table.as_deref());
            }
            ast::Stmt::Update(_) | ast::Stmt::Delete(_) | ast::Stmt::Merge(_) => self.rows(at, stmt),
            ast::Stmt::Truncate(truncate) => {
                let tables = truncate.table_list().into_iter().flat_map(|list| list.table_relation_names());
                let names: Vec<String> =
                    tables.filter_map(|table| name(table.table_name_ref()?.path_ref())).collect();
                for table in names.iter().filter(|table| !self.past.fresh(table)).cloned().collect::<Vec<_>>()
                {
                    self.find("table-truncated", at, Some(&table));
                }
            }
            ast::Stmt::CreateIndex(index) if index.concurrently_token().is_none() => {
                // squawk takes a table of this name in another schema for the same.
                let table = index.table_relation_name().and_then(|relation| relation.table_name_ref());
                let table = name(table.and_then(|table| table.path_ref()));
                if let Some(table) = table.filter(|table| !self.is_quick(table) && !self.is_entry(index)) {
                    self.find("index-not-concurrent", at, Some(&table));
                }
            }
            ast::Stmt::Cluster(_) => self.rewritten(at, stmt),
            ast::Stmt::Vacuum(_) if words(stmt.syntax()).iter().any(|word| word == "FULL") => {
                self.rewritten(at, stmt)
            }
            ast::Stmt::Do(block) => self.block(at, block),
            ast::Stmt::Set(set) => self.set(at, &words(set.syntax())),
            ast::Stmt::Reset(reset) => {
                let words = words(reset.syntax());
                if words.iter().any(|word| word == "LOCK_TIMEOUT" || word == "ALL") {
                    self.timed = locks::Timed::default();
                }
            }
            ast::Stmt::Select(_) => {
                let text = stmt.syntax().text().to_string().to_uppercase();
                if text.contains("LOCK_TIMEOUT") {
                    self.timed = locks::Timed::Session;
                }
            }
            _ => {}
        }
    }

    /// A setting: how long a lock is waited for, or that no trigger fires.
    fn set(&mut self, at: usize, words: &[String]) {
        let value = words.iter().rev().find(|word| *word != ";").map(String::as_str).unwrap_or_default();
        let value = value.trim_matches('\'').to_uppercase();
        if words.iter().any(|word| word == "LOCK_TIMEOUT") {
            self.timed = locks::Timed::of(&value, says(words, &["SET", "LOCAL"]));
        }
        if words.iter().any(|word| word == "SESSION_REPLICATION_ROLE") && value == "REPLICA" {
            self.find("trigger-disabled", at, None);
        }
    }

    /// CLUSTER and VACUUM FULL: of the table that they name, else of all.
    fn rewritten(&mut self, at: usize, stmt: &ast::Stmt) {
        let table = find::<ast::TableNameRef>(stmt.syntax()).and_then(|table| name(table.path_ref()));
        let table = table.or_else(|| name(find::<ast::RelationNameRef>(stmt.syntax())?.path_ref()));
        if !table.as_deref().is_some_and(|table| self.is_quick(table)) {
            self.find("table-rewrite", at, table.as_deref());
        }
    }

    fn create_table(&mut self, at: usize, create: &ast::CreateTable) {
        let Some(table) = new_name(create.table_name().and_then(|name| name.path())) else { return };
        let parent =
            create.partition_of().and_then(|of| of.table_name_ref()).and_then(|t| name(t.path_ref()));
        if let Some(parent) = parent.filter(|parent| !self.past.fresh(parent)) {
            let default = self.past.tables.get(&parent).is_some_and(|table| table.has_default_partition);
            let level = if default && !self.small.contains(&parent) { Level::Error } else { Level::Advice };
            self.find_as("partition-created", level, at, Some(&parent));
        }
        for node in create.syntax().descendants() {
            let (refers, columns) = if let Some(key) = ast::ReferencesConstraint::cast(node.clone()) {
                let column = node.ancestors().find_map(ast::Column::cast).and_then(|column| column.name());
                let columns = column.map(|column| tree::last(column.syntax())).into_iter().collect();
                (key.table().and_then(|table| name(table.path_ref())), columns)
            } else if let Some(Constraint::Foreign { columns, refers }) = Constraint::of(&node) {
                (Some(refers), columns)
            } else {
                continue;
            };
            if let Some(refers) = refers.filter(|refers| *refers != table && !self.past.fresh(refers)) {
                self.find("table-references", at, Some(&refers));
                if !self.small.contains(&refers) {
                    self.keys.push(Key { statement: at, table: table.clone(), columns });
                }
            }
        }
    }

    fn trigger(&mut self, at: usize, trigger: &ast::CreateTrigger) {
        let table =
            trigger.on_relation().and_then(|on| on.relation_name_ref()).and_then(|t| name(t.path_ref()));
        let Some(table) = table.filter(|table| !self.past.fresh(table)) else { return };
        self.find("trigger-created", at, Some(&table));
        let called = trigger.call_expr().and_then(|call| call.expr()).map(|call| tree::last(call.syntax()));
        if called.is_some_and(|called| self.past.refusing.contains(&called)) {
            self.find("trigger-refuses", at, Some(&table));
        }
    }

    /// At the end: an index may come after the foreign key.
    fn keys_covered(&mut self) {
        for key in std::mem::take(&mut self.keys) {
            if !key.columns.is_empty() && !self.past.covers(&key.table, &key.columns) {
                self.find("foreign-key-unindexed", key.statement, Some(&key.table));
            }
        }
    }
}

fn policy_of(stmt: &ast::Stmt) -> Option<String> {
    let ast::Stmt::CreatePolicy(policy) = stmt else { return None };
    name(policy.on_table()?.table_name_ref()?.path_ref())
}
