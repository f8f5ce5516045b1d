//! What a transaction has locked, and long work that is done meanwhile.

use squawk_syntax::ast::{self, AstNode as _};

use super::Look;
use crate::hazards::class::Class;
use crate::hazards::found::Found;
use crate::hazards::past::Constraint;
use crate::hazards::rules::Level;
use crate::hazards::tree::{self, find, name, says, words};

/// Whom a lock keeps waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    Writers,
    Everybody,
}

/// Whether waits for locks have an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Timed {
    #[default]
    No,
    /// Up to the end of the transaction.
    Transaction,
    Session,
}

impl Timed {
    /// What `SET lock_timeout` to a value makes of it: 0 is no limit.
    pub(super) fn of(value: &str, local: bool) -> Self {
        let number = value.trim_end_matches(|c: char| !c.is_ascii_digit());
        if value == "DEFAULT" || (!number.is_empty() && number.chars().all(|c| c == '0')) {
            return Self::No;
        }
        if local { Self::Transaction } else { Self::Session }
    }

    pub(super) fn end_of_transaction(&mut self) {
        if *self == Self::Transaction {
            *self = Self::No;
        }
    }
}

/// Whether what was found says that its statement takes long.
pub(super) fn is_long(found: &Found) -> bool {
    found.rule.class == Class::Stall
        && found.level == Level::Error
        && !matches!(found.rule.id, "foreign-key-unindexed" | "work-under-lock")
}

impl Look<'_> {
    /// Whether a statement goes through many rows, although nobody waits for it by itself.
    pub(super) fn works(&self, stmt: &ast::Stmt) -> bool {
        let big = |table: Option<String>| table.is_some_and(|table| !self.is_quick(&table));
        match stmt {
            ast::Stmt::CreateIndex(index) => {
                let table = index.table_relation_name().and_then(|relation| relation.table_name_ref());
                let built = index.concurrently_token().is_none() && !self.is_entry(index);
                built && big(table.and_then(|table| name(table.path_ref())))
            }
            ast::Stmt::Insert(insert) => {
                matches!(insert.insert_source(), Some(ast::InsertSource::SelectVariant(_)))
                    && self.reads_much(insert.syntax())
            }
            ast::Stmt::CreateTableAs(create) => self.reads_much(create.syntax()),
            ast::Stmt::CreateMaterializedView(create) => self.reads_much(create.syntax()),
            ast::Stmt::Refresh(_) => true,
            ast::Stmt::AlterTable(alter) => {
                let table = alter.table_relation_name().and_then(|relation| relation.table_name_ref());
                let validates = alter
                    .actions()
                    .any(|action| matches!(action, ast::AlterTableAction::ValidateConstraint(_)));
                validates && big(table.and_then(|table| name(table.path_ref())))
            }
            ast::Stmt::Delete(delete) => {
                let table =
                    find::<ast::RelationNameRef>(delete.syntax()).and_then(|table| name(table.path_ref()));
                super::rows::is_unbounded(stmt, &self.past) && big(table)
            }
            _ => false,
        }
    }

    /// Whether a query reads a table that is neither new nor small.
    fn reads_much(&self, node: &squawk_syntax::SyntaxNode) -> bool {
        let from = node.descendants().filter_map(ast::FromClause::cast);
        from.flat_map(|from| {
            let read = words(from.syntax());
            read.into_iter().map(|word| word.trim_matches('"').to_lowercase()).collect::<Vec<_>>()
        })
        .any(|word| self.past.tables.contains_key(&word) && !self.is_quick(&word))
    }

    /// Work under what is held already, then what this statement locks.
    pub(super) fn locks(&mut self, at: usize, stmt: &ast::Stmt, long: bool) {
        let in_unit = self.script.statements.get(at).is_some_and(|statement| {
            self.script.units.get(statement.unit).is_some_and(|unit| unit.statements.len() > 1)
        });
        if long && in_unit && !matches!(stmt, ast::Stmt::Set(_)) {
            let held: Vec<String> = self.held.keys().cloned().collect();
            if let Some(table) = held.first() {
                self.find("work-under-lock", at, Some(table));
            }
        }
        for (table, mode) in self.taken(stmt) {
            if self.past.fresh(&table) {
                continue;
            }
            if mode == Mode::Everybody && self.timed == Timed::No {
                let known = self.found.iter().any(|found| found.rule.id == "lock-timeout-missing");
                if !known {
                    self.find("lock-timeout-missing", at, Some(&table));
                }
            }
            let held = self.held.entry(table).or_insert(mode);
            *held = mode.max(*held);
        }
    }

    fn taken(&self, stmt: &ast::Stmt) -> Vec<(String, Mode)> {
        let one =
            |table: Option<String>, mode| table.map(|table| (table, mode)).into_iter().collect::<Vec<_>>();
        match stmt {
            ast::Stmt::AlterTable(alter) => self.altered(alter),
            ast::Stmt::CreateIndex(index) if index.concurrently_token().is_none() => {
                let table = index.table_relation_name().and_then(|relation| relation.table_name_ref());
                one(table.and_then(|table| name(table.path_ref())), Mode::Writers)
            }
            ast::Stmt::DropIndex(drop) if drop.concurrently_token().is_none() => drop
                .index_refs()
                .filter_map(|index| self.past.indexes.get(&tree::last(index.syntax())))
                .map(|index| (index.table.clone(), Mode::Everybody))
                .collect(),
            ast::Stmt::CreateTrigger(trigger) => {
                let on = trigger.on_relation().and_then(|on| on.relation_name_ref());
                one(on.and_then(|on| name(on.path_ref())), Mode::Writers)
            }
            ast::Stmt::DropTrigger(trigger) => {
                let on = trigger.on_relation().and_then(|on| on.relation_name_ref());
                one(on.and_then(|on| name(on.path_ref())), Mode::Everybody)
            }
            ast::Stmt::CreatePolicy(policy) => {
                let on = policy.on_table().and_then(|on| on.table_name_ref());
                one(on.and_then(|on| name(on.path_ref())), Mode::Everybody)
            }
            ast::Stmt::CreateTable(create) => {
                let parent = create.partition_of().and_then(|of| of.table_name_ref());
                let mut taken = one(parent.and_then(|parent| name(parent.path_ref())), Mode::Everybody);
                for node in create.syntax().descendants() {
                    let refers = if let Some(key) = ast::ReferencesConstraint::cast(node.clone()) {
                        key.table().and_then(|table| name(table.path_ref()))
                    } else if let Some(Constraint::Foreign { refers, .. }) = Constraint::of(&node) {
                        Some(refers)
                    } else {
                        None
                    };
                    taken.extend(one(refers, Mode::Writers));
                }
                taken
            }
            ast::Stmt::DropTable(drop) => {
                let tables: Vec<String> =
                    drop.table_name_refs().filter_map(|table| name(table.path_ref())).collect();
                let referred = tables.iter().filter_map(|table| self.past.tables.get(table));
                let referred =
                    referred.flat_map(|table| table.constraints.values()).filter_map(|c| match c {
                        Constraint::Foreign { refers, .. } => Some(refers.clone()),
                        _ => None,
                    });
                let referred: Vec<String> = referred.collect();
                tables.into_iter().chain(referred).map(|table| (table, Mode::Everybody)).collect()
            }
            ast::Stmt::Truncate(truncate) => {
                let tables = truncate.table_list().into_iter().flat_map(|list| list.table_relation_names());
                tables
                    .filter_map(|table| name(table.table_name_ref()?.path_ref()))
                    .map(|table| (table, Mode::Everybody))
                    .collect()
            }
            ast::Stmt::Lock(lock) => {
                let words = words(lock.syntax());
                let shared = ["ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE"];
                let text = words.join(" ");
                if shared.iter().any(|mode| text.contains(&format!("IN {mode} MODE"))) {
                    return Vec::new();
                }
                let weaker = text.contains("SHARE MODE")
                    || text.contains("ROW EXCLUSIVE")
                    || text.contains("IN EXCLUSIVE");
                let mode = if weaker { Mode::Writers } else { Mode::Everybody };
                let tables = lock.syntax().descendants().filter_map(ast::RelationNameRef::cast);
                tables.filter_map(|table| name(table.path_ref())).map(|table| (table, mode)).collect()
            }
            ast::Stmt::Refresh(refresh) if refresh.concurrently_token().is_none() => {
                one(refresh.view_ref().map(|view| tree::last(view.syntax())), Mode::Everybody)
            }
            ast::Stmt::DropMaterializedView(drop) => {
                drop.view_refs().map(|view| (tree::last(view.syntax()), Mode::Everybody)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn altered(&self, alter: &ast::AlterTable) -> Vec<(String, Mode)> {
        let named = alter.table_relation_name().and_then(|relation| relation.table_name_ref());
        let Some(table) = name(named.and_then(|table| table.path_ref())) else { return Vec::new() };
        let mut taken = Vec::new();
        for action in alter.actions() {
            let mode = match &action {
                ast::AlterTableAction::ValidateConstraint(_)
                | ast::AlterTableAction::SetOptions(_)
                | ast::AlterTableAction::ClusterOn(_) => continue,
                ast::AlterTableAction::AlterColumn(column) => match column.option() {
                    Some(ast::AlterColumnOption::SetStatistics(_)) => continue,
                    _ => Mode::Everybody,
                },
                ast::AlterTableAction::AttachPartition(attach) => {
                    let child = attach.table_name_ref().and_then(|child| name(child.path_ref()));
                    taken.extend(child.map(|child| (child, Mode::Everybody)));
                    continue;
                }
                ast::AlterTableAction::DetachPartition(detach)
                    if detach.detach_partition_option().is_some() =>
                {
                    continue;
                }
                ast::AlterTableAction::EnableTrigger(_) | ast::AlterTableAction::DisableTrigger(_) => {
                    Mode::Writers
                }
                ast::AlterTableAction::AddConstraint(add) => {
                    match add.constraint().and_then(|constraint| Constraint::of(constraint.syntax())) {
                        Some(Constraint::Foreign { refers, .. }) => {
                            taken.push((refers, Mode::Writers));
                            Mode::Writers
                        }
                        _ => Mode::Everybody,
                    }
                }
                ast::AlterTableAction::DropConstraint(drop) => {
                    let named =
                        drop.constraint_name_ref().map(|name| tree::last(name.syntax())).unwrap_or_default();
                    let known = self.past.tables.get(&table).and_then(|table| table.constraints.get(&named));
                    if let Some(Constraint::Foreign { refers, .. }) = known {
                        taken.push((refers.clone(), Mode::Everybody));
                    }
                    Mode::Everybody
                }
                _ => Mode::Everybody,
            };
            taken.push((table.clone(), mode));
        }
        // With no action it is a form that was not understood: better to think too much locked than too little.
        if alter.actions().next().is_none() && !says(&words(alter.syntax()), &["ALL", "IN", "TABLESPACE"]) {
            taken.push((table, Mode::Everybody));
        }
        taken
    }
}
