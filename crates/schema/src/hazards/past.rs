//! The schema as the migrations before tell it: enough to know that a column is widened, a table new, a key covered.

mod constraint;

use std::collections::{BTreeMap, BTreeSet};

use runbook::statement::too_deep;
use squawk_syntax::ast::{self, AstNode as _, NameLike as _};

pub(super) use constraint::{Constraint, listed};

use super::tree::{self, find, name, new_name, words};

/// A column, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Column {
    /// Its type in upper case: `VARCHAR(255)`.
    pub(super) type_name: String,
    pub(super) not_null: bool,
}

/// A table, as far as it is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) columns: BTreeMap<String, Column>,
    pub(super) constraints: BTreeMap<String, Constraint>,
    /// The columns of its primary key.
    pub(super) key: Vec<String>,
    /// Created by the migration that is looked at: nobody else can see it yet.
    pub(super) fresh: bool,
    /// Its rows are its partitions'.
    pub(super) partitioned: bool,
    pub(super) has_default_partition: bool,
    pub(super) has_policy: bool,
}

/// An index, as far as it is known.
#[derive(Debug, Clone)]
pub(super) struct Index {
    pub(super) table: String,
    pub(super) columns: Vec<String>,
    pub(super) partial: bool,
}

/// What the statements so far have made.
#[derive(Debug, Clone, Default)]
pub(super) struct Past {
    pub(super) tables: BTreeMap<String, Table>,
    pub(super) indexes: BTreeMap<String, Index>,
    pub(super) views: BTreeSet<String>,
    /// Functions that raise an exception.
    pub(super) refusing: BTreeSet<String>,
    /// Whether what comes now is the migration that is looked at.
    pub(super) present: bool,
}

impl Past {
    /// Takes in the statements of an earlier migration. What does not parse is passed over.
    pub(super) fn read(&mut self, text: &str) {
        if too_deep(text).is_some() {
            return;
        }
        for stmt in ast::SourceFile::parse(text).tree().stmts() {
            self.take(&stmt);
        }
    }

    /// Whether a table came with the migration that is looked at.
    pub(super) fn fresh(&self, table: &str) -> bool {
        self.tables.get(table).is_some_and(|table| table.fresh)
    }

    /// A column, where it is known.
    pub(super) fn column(&self, table: &str, column: &str) -> Option<&Column> {
        self.tables.get(table)?.columns.get(column)
    }

    /// Whether some index of all rows begins with these columns, in whichever order.
    pub(super) fn covers(&self, table: &str, columns: &[String]) -> bool {
        let begins = |with: &[String]| {
            with.len() >= columns.len() && columns.iter().all(|column| with[..columns.len()].contains(column))
        };
        let keyed = self.tables.get(table).is_some_and(|known| {
            begins(&known.key)
                || known
                    .constraints
                    .values()
                    .any(|c| matches!(c, Constraint::Unique(columns) if begins(columns)))
        });
        keyed
            || self
                .indexes
                .values()
                .any(|index| index.table == table && !index.partial && begins(&index.columns))
    }

    /// Takes in one statement.
    pub(super) fn take(&mut self, stmt: &ast::Stmt) {
        match stmt {
            ast::Stmt::CreateTable(create) => self.create(create),
            ast::Stmt::CreateTableAs(create) => {
                if let Some(table) = new_name(create.table_name().and_then(|name| name.path())) {
                    self.tables.insert(table, Table { fresh: self.present, ..Table::default() });
                }
            }
            ast::Stmt::SelectInto(select) => {
                let made = select.into_clause().and_then(|into| into.table_name());
                if let Some(table) = new_name(made.and_then(|name| name.path())) {
                    self.tables.insert(table, Table { fresh: self.present, ..Table::default() });
                }
            }
            ast::Stmt::AlterTable(alter) => {
                let named = alter.table_relation_name().and_then(|relation| relation.table_name_ref());
                if let Some(table) = name(named.and_then(|table| table.path_ref())) {
                    for action in alter.actions() {
                        self.alter(&table, &action);
                    }
                }
            }
            ast::Stmt::CreateIndex(index) => self.index(index),
            ast::Stmt::DropIndex(drop) => {
                for index in drop.index_refs() {
                    self.indexes.remove(&tree::last(index.syntax()));
                }
            }
            ast::Stmt::DropTable(drop) => {
                for table in drop.table_name_refs().filter_map(|table| name(table.path_ref())) {
                    self.tables.remove(&table);
                    self.indexes.retain(|_, index| index.table != table);
                }
            }
            ast::Stmt::CreateView(view) => {
                if let Some(view) = view.view() {
                    self.views.insert(tree::last(view.syntax()));
                }
            }
            ast::Stmt::CreateMaterializedView(view) => {
                if let Some(view) = view.view() {
                    let name = tree::last(view.syntax());
                    self.tables.insert(name.clone(), Table { fresh: self.present, ..Table::default() });
                    self.views.insert(name);
                }
            }
            ast::Stmt::CreatePolicy(policy) => {
                let table =
                    policy.on_table().and_then(|on| on.table_name_ref()).and_then(|t| name(t.path_ref()));
                if let Some(table) = table {
                    self.tables.entry(table).or_default().has_policy = true;
                }
            }
            ast::Stmt::CreateFunction(function) => {
                let text = function.syntax().text().to_string().to_uppercase();
                if let Some(name) = function.name()
                    && text.contains("RAISE EXCEPTION")
                {
                    self.refusing.insert(tree::last(name.syntax()));
                }
            }
            _ => {}
        }
    }

    fn create(&mut self, create: &ast::CreateTable) {
        let Some(name_of) = new_name(create.table_name().and_then(|name| name.path())) else { return };
        let partitioned = create.partition_by().is_some();
        let mut table = Table { fresh: self.present, partitioned, ..Table::default() };
        if let Some(parent) =
            create.partition_of().and_then(|of| of.table_name_ref()).and_then(|t| name(t.path_ref()))
            && tree::says(&words(create.syntax()), &["DEFAULT"])
        {
            self.tables.entry(parent).or_default().has_default_partition = true;
        }
        for arg in create.table_arg_list().into_iter().flat_map(|list| list.args()) {
            match arg {
                ast::TableArg::Column(column) => {
                    let Some(name) = column.name().map(|name| name.text()) else { continue };
                    let mut known = Column { type_name: type_name(column.ty()), not_null: false };
                    for clause in column.clauses() {
                        let ast::ColumnClause::ColumnConstraint(constraint) = clause else { continue };
                        match constraint {
                            ast::ColumnConstraint::NotNullConstraint(_) => known.not_null = true,
                            ast::ColumnConstraint::PrimaryKeyConstraint(_) => {
                                known.not_null = true;
                                table.key = vec![name.clone()];
                            }
                            ast::ColumnConstraint::UniqueConstraint(_) => {
                                let constraint = Constraint::Unique(vec![name.clone()]);
                                table.constraints.insert(format!("{name_of}_{name}_key"), constraint);
                            }
                            _ => {}
                        }
                    }
                    table.columns.insert(name, known);
                }
                ast::TableArg::TableConstraint(constraint) => {
                    let named = constraint.constraint_name().map(|name| name.text());
                    if let Some(constraint) = Constraint::of(constraint.syntax()) {
                        if let Constraint::Primary(columns) = &constraint {
                            table.key.clone_from(columns);
                        }
                        let named = named.unwrap_or_else(|| format!("{name_of} {}", table.constraints.len()));
                        table.constraints.insert(named, constraint);
                    }
                }
                ast::TableArg::LikeClause(_) => {}
            }
        }
        let key = table.key.clone();
        for column in key {
            table.columns.entry(column).or_default().not_null = true;
        }
        // IF NOT EXISTS leaves a table that is known as it is.
        if create.if_not_exists().is_none() || !self.tables.contains_key(&name_of) {
            self.tables.insert(name_of, table);
        }
    }

    /// Gives a table another name or schema; its indexes go with it.
    fn move_to(&mut self, table: &str, schema: Option<&str>, bare: &str) {
        let to = schema.map_or_else(|| bare.to_owned(), |schema| format!("{schema}.{bare}"));
        for index in self.indexes.values_mut().filter(|index| index.table == table) {
            index.table.clone_from(&to);
        }
        if let Some(known) = self.tables.remove(table) {
            self.tables.insert(to, known);
        }
    }

    fn alter(&mut self, table: &str, action: &ast::AlterTableAction) {
        if let ast::AlterTableAction::TableRenameTo(rename) = action {
            let to = tree::last(rename.syntax());
            self.move_to(table, table.rsplit_once('.').map(|(schema, _)| schema), &to);
            return;
        }
        if let ast::AlterTableAction::SetSchema(set) = action {
            let schema = set.schema_ref().map(|schema| tree::last(schema.syntax()));
            let bare = table.rsplit_once('.').map_or(table, |(_, bare)| bare);
            self.move_to(table, schema.as_deref().filter(|schema| *schema != "public"), bare);
            return;
        }
        if let ast::AlterTableAction::AttachPartition(attach) = action
            && tree::says(&words(attach.syntax()), &["DEFAULT"])
        {
            self.tables.entry(table.to_owned()).or_default().has_default_partition = true;
        }
        let known = self.tables.entry(table.to_owned()).or_default();
        match action {
            ast::AlterTableAction::AddColumn(add) => {
                let Some(column) = add.column_name().map(|name| name.text()) else { return };
                let not_null = add.constraints().any(|constraint| {
                    matches!(
                        constraint,
                        ast::Constraint::NotNullConstraint(_) | ast::Constraint::PrimaryKeyConstraint(_)
                    )
                });
                known.columns.insert(column, Column { type_name: type_name(add.ty()), not_null });
            }
            ast::AlterTableAction::DropColumn(drop) => {
                if let Some(column) = drop.column_name_ref() {
                    known.columns.remove(&column.text());
                }
            }
            ast::AlterTableAction::RenameColumn(rename) => {
                if let (Some(from), Some(to)) = (rename.column_name_ref(), rename.column_name())
                    && let Some(column) = known.columns.remove(&from.text())
                {
                    known.columns.insert(to.text(), column);
                }
            }
            ast::AlterTableAction::AlterColumn(alter) => {
                let Some(column) = alter.column_name_ref().map(|name| name.text()) else { return };
                let column = known.columns.entry(column).or_default();
                match alter.option() {
                    Some(ast::AlterColumnOption::SetType(set)) => column.type_name = type_name(set.ty()),
                    Some(ast::AlterColumnOption::SetNotNull(_)) => column.not_null = true,
                    Some(ast::AlterColumnOption::DropNotNull(_)) => column.not_null = false,
                    _ => {}
                }
            }
            ast::AlterTableAction::AddConstraint(add) => {
                let Some(node) = add.constraint() else { return };
                let named = node.constraint_name().map(|name| name.text());
                let Some(constraint) = Constraint::of(node.syntax()) else { return };
                if let Constraint::Primary(columns) = &constraint {
                    known.key.clone_from(columns);
                    for column in columns {
                        known.columns.entry(column.clone()).or_default().not_null = true;
                    }
                }
                let named = named.unwrap_or_else(|| format!("{table} {}", known.constraints.len()));
                known.constraints.insert(named, constraint);
            }
            ast::AlterTableAction::ValidateConstraint(validate) => {
                if let Some(name) = validate.constraint_name_ref()
                    && let Some(Constraint::Check { valid, .. }) =
                        known.constraints.get_mut(&tree::last(name.syntax()))
                {
                    *valid = true;
                }
            }
            ast::AlterTableAction::DropConstraint(drop) => {
                if let Some(name) = drop.constraint_name_ref() {
                    known.constraints.remove(&tree::last(name.syntax()));
                }
            }
            _ => {}
        }
    }

    fn index(&mut self, index: &ast::CreateIndex) {
        let table = index.table_relation_name().and_then(|relation| relation.table_name_ref());
        let (Some(table), Some(named)) = (name(table.and_then(|t| t.path_ref())), index.index()) else {
            return;
        };
        let items = index.partition_item_list().map(|list| list.partition_items().collect::<Vec<_>>());
        let columns = items.into_iter().flatten().map(|item| {
            let column = find::<ast::NameRef>(item.syntax()).map(|name| name.text());
            // An expression covers no column.
            let plain = item.expr().is_some_and(|expr| matches!(expr, ast::Expr::NameRef(_)));
            if plain { column.unwrap_or_default() } else { String::new() }
        });
        let partial = index.where_clause().is_some();
        self.indexes.insert(tree::last(named.syntax()), Index { table, columns: columns.collect(), partial });
    }
}

/// A type in upper case, without blanks: `VARCHAR(255)`, `NUMERIC(10,2)`, `TIMESTAMPTZ`.
pub(super) fn type_name(ty: Option<ast::Type>) -> String {
    let text = ty.map(|ty| words(ty.syntax()).concat()).unwrap_or_default();
    let text = text.strip_prefix("PG_CATALOG.").unwrap_or(&text).to_owned();
    let text = text.replace("CHARACTERVARYING", "VARCHAR").replace("CHARVARYING", "VARCHAR");
    let text = match (text.strip_suffix("WITHTIMEZONE"), text.strip_suffix("WITHOUTTIMEZONE")) {
        // TIMESTAMP(3) WITH TIME ZONE
        (Some(with), _) => with.replacen("TIMESTAMP", "TIMESTAMPTZ", 1).replacen("TIME(", "TIMETZ(", 1),
        (_, Some(without)) => without.to_owned(),
        _ => text.replacen("DECIMAL", "NUMERIC", 1).replacen("BITVARYING", "VARBIT", 1),
    };
    match text.as_str() {
        "INTEGER" | "INT4" | "SERIAL" | "SERIAL4" => "INT".into(),
        "INT8" | "BIGSERIAL" | "SERIAL8" => "BIGINT".into(),
        "INT2" | "SMALLSERIAL" => "SMALLINT".into(),
        _ => text,
    }
}
