//! ALTER TABLE, action by action.

use squawk_syntax::ast::{self, AstNode as _, NameLike as _};

use super::{Key, Look};
use crate::hazards::past::{Constraint, listed, type_name};
use crate::hazards::tree::{self, find, name, says, words};

/// Calls that keep a part of a value.
const CUTTING: [&str; 7] = ["LEFT", "RIGHT", "SUBSTR", "SUBSTRING", "TRUNC", "ROUND", "SPLIT_PART"];

impl Look<'_> {
    pub(super) fn alter_table(&mut self, at: usize, alter: &ast::AlterTable) {
        let named = alter.table_relation_name().and_then(|relation| relation.table_name_ref());
        let Some(table) = name(named.and_then(|table| table.path_ref())) else { return };
        if self.past.fresh(&table) {
            return;
        }
        self.repeated(at, &table);
        for action in alter.actions() {
            self.action(at, &table, &action);
        }
    }

    fn action(&mut self, at: usize, table: &str, action: &ast::AlterTableAction) {
        let quick = self.is_quick(table);
        match action {
            ast::AlterTableAction::AddColumn(add) => self.add_column(at, table, add),
            ast::AlterTableAction::AddConstraint(add) => self.add_constraint(at, table, add),
            ast::AlterTableAction::AlterColumn(alter) => {
                if let Some(ast::AlterColumnOption::SetType(set)) = alter.option() {
                    let column = alter.column_name_ref().map(|name| name.text()).unwrap_or_default();
                    self.set_type(at, table, &column, &set);
                }
            }
            ast::AlterTableAction::DropConstraint(drop) => {
                let named =
                    drop.constraint_name_ref().map(|name| tree::last(name.syntax())).unwrap_or_default();
                let known = self.past.tables.get(table).and_then(|table| table.constraints.get(&named));
                match known.cloned() {
                    Some(Constraint::Foreign { .. }) => self.find("foreign-key-dropped", at, Some(table)),
                    Some(Constraint::Check { listed, .. }) if !listed.is_empty() => {
                        self.dropped.push((table.to_owned(), listed));
                    }
                    _ => {}
                }
            }
            ast::AlterTableAction::EnableRls(_) | ast::AlterTableAction::ForceRls(_)
                if !self.past.tables.get(table).is_some_and(|known| known.has_policy) =>
            {
                self.find("row-security", at, Some(table));
            }
            ast::AlterTableAction::SetLogged(_)
            | ast::AlterTableAction::SetUnlogged(_)
            | ast::AlterTableAction::SetTablespace(_)
            | ast::AlterTableAction::SetAccessMethod(_)
                if !quick =>
            {
                self.find("table-rewrite", at, Some(table));
            }
            ast::AlterTableAction::AttachPartition(attach) => {
                let child = attach.table_name_ref().and_then(|child| name(child.path_ref()));
                let Some(child) = child.filter(|child| !self.is_quick(child)) else { return };
                // Bounds are not compared: a CHECK that is valid is taken to be the one.
                let proved = self.past.tables.get(&child).is_some_and(|known| {
                    let checks =
                        |c: &Constraint| matches!(c, Constraint::Check { valid: true, not_null: None, .. });
                    known.constraints.values().any(checks)
                });
                if !proved {
                    self.find("partition-attached", at, Some(&child));
                }
            }
            ast::AlterTableAction::DetachPartition(_) => self.find("rows-detached", at, Some(table)),
            _ => {}
        }
    }

    fn add_column(&mut self, at: usize, table: &str, add: &ast::AddColumn) {
        let quick = self.is_quick(table);
        let column = add.column_name().map(|name| name.text()).unwrap_or_default();
        let serial = words_of_type(add.ty());
        if !quick
            && ["SERIAL", "BIGSERIAL", "SMALLSERIAL", "SERIAL2", "SERIAL4", "SERIAL8"]
                .contains(&serial.as_str())
        {
            self.find("serial-rewrite", at, Some(table));
        }
        for constraint in add.constraints() {
            match constraint {
                ast::Constraint::CheckConstraint(_)
                | ast::Constraint::UniqueConstraint(_)
                | ast::Constraint::PrimaryKeyConstraint(_)
                    if !quick && !constraint.is_not_valid() =>
                {
                    self.find("column-validated", at, Some(table));
                }
                ast::Constraint::ReferencesConstraint(_) if !quick => {
                    self.keys.push(Key {
                        statement: at,
                        table: table.to_owned(),
                        columns: vec![column.clone()],
                    });
                }
                _ => {}
            }
        }
    }

    fn add_constraint(&mut self, at: usize, table: &str, add: &ast::AddConstraint) {
        let Some(constraint) = add.constraint() else { return };
        let quick = self.is_quick(table);
        match &constraint {
            ast::Constraint::PrimaryKeyConstraint(key) => match key
                .using_index()
                .and_then(|using| using.index_ref())
            {
                None if !quick => self.find("primary-key-built", at, Some(table)),
                Some(index) if !quick => {
                    let columns =
                        self.past.indexes.get(&tree::last(index.syntax())).map(|index| index.columns.clone());
                    let nullable = columns
                        .into_iter()
                        .flatten()
                        .any(|column| self.past.column(table, &column).is_none_or(|column| !column.not_null));
                    if nullable {
                        self.find("primary-key-nullable", at, Some(table));
                    }
                }
                _ => {}
            },
            ast::Constraint::ExcludeConstraint(_) if !quick => {
                self.find("exclusion-constraint", at, Some(table))
            }
            ast::Constraint::ForeignKeyConstraint(_) => {
                if let Some(Constraint::Foreign { columns, .. }) = Constraint::of(constraint.syntax())
                    && !quick
                {
                    self.keys.push(Key { statement: at, table: table.to_owned(), columns });
                }
            }
            ast::Constraint::CheckConstraint(check) => {
                let now = listed(&words(check.syntax()));
                let narrower = |was: &Vec<String>| {
                    !now.is_empty()
                        && was.iter().any(|value| !now.contains(value))
                        && now.iter().any(|v| was.contains(v))
                };
                if self.dropped.iter().any(|(of, was)| of == table && narrower(was)) {
                    self.find("check-narrowed", at, Some(table));
                }
            }
            _ => {}
        }
    }

    fn set_type(&mut self, at: usize, table: &str, column: &str, set: &ast::SetType) {
        let using = set.using_expr().map(|using| words(using.syntax())).unwrap_or_default();
        if using.iter().any(|word| CUTTING.contains(&word.as_str())) {
            self.find("values-cut", at, Some(table));
        }
        let to = type_name(set.ty());
        let from = self.past.column(table, column).map(|column| column.type_name.clone()).unwrap_or_default();
        if narrows(&from, &to) {
            self.find("type-narrowed", at, Some(table));
        }
    }

    /// Whether squawk's finding about a new type stands: nothing is written anew where a text or a number gets wider.
    pub(in crate::hazards) fn rewrites(&self, table: &str, action: &ast::AlterColumn) -> bool {
        let Some(ast::AlterColumnOption::SetType(set)) = action.option() else { return false };
        let column = action.column_name_ref().map(|name| name.text()).unwrap_or_default();
        let from =
            self.past.column(table, &column).map(|column| column.type_name.clone()).unwrap_or_default();
        let to = type_name(set.ty());
        let plain = set.using_expr().is_none() && set.collate().is_none();
        !(plain && widens(&from, &to))
    }

    fn repeated(&mut self, at: usize, table: &str) {
        let Some(before) = at.checked_sub(1).and_then(|before| self.script.statements.get(before)) else {
            return;
        };
        let same = self.script.statements.get(at).is_some_and(|now| now.unit == before.unit);
        let parsed = ast::SourceFile::parse(&before.sql).tree();
        let earlier = find::<ast::AlterTable>(parsed.syntax())
            .and_then(|alter| alter.table_relation_name()?.table_name_ref())
            .and_then(|table| name(table.path_ref()));
        if same && earlier.as_deref() == Some(table) {
            self.find("alters-repeated", at, Some(table));
        }
    }
}

fn words_of_type(ty: Option<ast::Type>) -> String {
    ty.map(|ty| words(ty.syntax()).concat()).unwrap_or_default()
}

/// The sizes between the brackets of a type.
fn sizes(type_name: &str) -> Option<(&str, Vec<u32>)> {
    let (name, rest) = type_name.split_once('(')?;
    let sizes = rest.strip_suffix(')')?.split(',').map(str::parse).collect::<Result<_, _>>().ok()?;
    Some((name, sizes))
}

/// Types beside texts and numbers whose size may grow, or go, without a look at any row.
const LIMITED: [&str; 6] = ["TIMESTAMP", "TIMESTAMPTZ", "TIME", "TIMETZ", "INTERVAL", "VARBIT"];

/// Whether no row has to be looked at for a new type.
fn widens(from: &str, to: &str) -> bool {
    let unbounded = |name: &str| matches!(name, "TEXT" | "VARCHAR");
    let texts = |name: &str| unbounded(name) || name.starts_with("VARCHAR(");
    if texts(from) && unbounded(to) || from == to && !from.is_empty() {
        return true;
    }
    match (sizes(from), sizes(to)) {
        (Some(("VARCHAR", from)), Some(("VARCHAR", to))) => to >= from,
        (Some(("NUMERIC", from)), Some(("NUMERIC", to))) => {
            to.get(1) == from.get(1) && to.first() >= from.first()
        }
        (Some((name, from)), Some((other, to))) if name == other && LIMITED.contains(&name) => to >= from,
        (Some((name, _)), None) => to == name && (name == "NUMERIC" || LIMITED.contains(&name)),
        _ => false,
    }
}

/// Whether values that fitted no longer do.
fn narrows(from: &str, to: &str) -> bool {
    let whole = |name: &str| ["SMALLINT", "INT", "BIGINT"].iter().position(|known| *known == name);
    if let (Some(from), Some(to)) = (whole(from), whole(to)) {
        return to < from;
    }
    match (sizes(from), sizes(to)) {
        (Some((a, from)), Some((b, to))) if a == b => to.first() < from.first(),
        (None, Some(("VARCHAR" | "CHAR", _))) => matches!(from, "TEXT" | "VARCHAR"),
        _ => false,
    }
}

/// Whether a statement says that it is done once only: `IF NOT EXISTS` and its like.
pub(super) fn guarded(words: &[String]) -> bool {
    says(words, &["IF", "NOT", "EXISTS"]) || says(words, &["IF", "EXISTS"]) || says(words, &["OR", "REPLACE"])
}
