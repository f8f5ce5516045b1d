//! A plan drawn as SVG: a bar a node, as long as the time that it took by itself.

use std::fmt::Write as _;

use crate::own::Own;
use crate::plan::{Node, Plan};

const WIDTH: usize = 960;
const ROW: usize = 30;
const INDENT: usize = 18;
const BARS: usize = 640;
const BAR: f64 = 200.0;

/// The plan as one self-contained SVG image, readable on light and dark ground. Without `ANALYZE` a bar shows the share
/// of the cost instead.
pub fn svg(title: &str, plan: &Plan) -> String {
    let mut nodes = Vec::new();
    gather(&plan.root, 0, &mut nodes);
    let executed = plan.execution_ms.is_some();
    let own = plan.own();
    let weight = |node: &Node, own: &Own| if executed { own.ms } else { own_cost(node) };
    let total = nodes.iter().zip(&own).map(|((_, node), own)| weight(node, own)).sum::<f64>();
    let height = 56 + nodes.len() * ROW;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"{label}\" font-family=\"ui-monospace, monospace\" font-size=\"12\">\n<title>{label}</title>\n\
         <style>text{{fill:#1b1f24}}.dim{{fill:#6a737d}}.bar{{fill:#4c78a8}}.hot{{fill:#d1495b}}\
         @media (prefers-color-scheme:dark){{text{{fill:#e6edf3}}.dim{{fill:#9da7b3}}}}</style>\n\
         <text x=\"8\" y=\"20\" font-weight=\"bold\">{label}</text>\n",
        label = escape(title)
    );
    let head = match (plan.execution_ms, plan.planning_ms) {
        (Some(execution), planning) => format!(
            "executed in {execution:.3} ms, planned in {:.3} ms, {} blocks",
            planning.unwrap_or(0.0),
            plan.root.actual.blocks()
        ),
        _ => "not executed: bars are shares of the estimated cost".into(),
    };
    let _ = writeln!(out, "<text class=\"dim\" x=\"8\" y=\"38\">{head}</text>");
    for (number, ((depth, node), own)) in nodes.iter().zip(&own).enumerate() {
        let y = 50 + number * ROW;
        let share = weight(node, own) / total.max(f64::MIN_POSITIVE);
        let class = if share > 0.5 { "hot" } else { "bar" };
        let figure = if executed {
            format!("{:.3} ms · {:.0} rows · {:.0} blocks", own.ms, node.actual.all_rows(), own.blocks)
        } else {
            format!("{:.0} rows estimated", node.rows)
        };
        let details: Vec<String> =
            node.details().into_iter().map(|(what, text)| format!("{what}: {text}")).collect();
        let _ = writeln!(
            out,
            "<g><title>{}</title><text x=\"{}\" y=\"{}\">{}</text>\
             <rect class=\"{class}\" x=\"{BARS}\" y=\"{y}\" width=\"{:.1}\" height=\"8\" rx=\"2\"/>\
             <text class=\"dim\" x=\"{BARS}\" y=\"{}\" font-size=\"10\">{figure}</text></g>",
            escape(&details.join("\n")),
            8 + depth * INDENT,
            y + 14,
            escape(&shortened(&node.title(), 82 - depth * 2)),
            (share * BAR).max(1.0),
            y + 20
        );
    }
    out.push_str("</svg>\n");
    out
}

fn gather<'p>(node: &'p Node, depth: usize, nodes: &mut Vec<(usize, &'p Node)>) {
    nodes.push((depth.min(20), node));
    node.inputs.iter().for_each(|input| gather(input, depth + 1, nodes));
}

fn own_cost(node: &Node) -> f64 {
    (node.cost - node.inputs.iter().map(|input| input.cost).sum::<f64>()).max(0.0)
}

fn shortened(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    text.chars().take(length - 1).chain(['…']).collect()
}

/// With a sign in place of each character that no XML may hold, not even escaped.
fn escape(text: &str) -> String {
    let held =
        |c: char| !matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}');
    let text: String = text.chars().map(|c| if held(c) { c } else { '\u{fffd}' }).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_the_image() {
        let plan: Plan = serde_json::from_str(
            r#"{"Plan": {"Node Type": "Seq Scan", "Relation Name": "<script>\"&", "Filter": "(a < 1)", "Total Cost": 3}}"#,
        )
        .unwrap();
        let image = svg("<b>", &plan);
        assert!(
            !image.contains("<script>") && !image.contains("<b>") && image.contains("(a &lt; 1)"),
            "{image}"
        );
        assert!(image.starts_with("<svg ") && image.contains("not executed"));
    }
    #[test]
    fn characters_that_no_image_may_hold_are_replaced() {
        let plan: Plan = serde_json::from_str(
            r#"{"Plan": {"Node Type": "Seq Scan", "Relation Name": "a\u0000b", "Filter": "(pad = '\u0001\u001f\uffff')"}}"#,
        )
        .unwrap();
        let image = svg("a \u{1b}[1m title", &plan);
        let wrong = image.chars().find(|c| c.is_control() && *c != '\n' || *c == '\u{ffff}');
        assert_eq!(wrong, None, "{image}");
        assert!(
            image.contains("'\u{fffd}\u{fffd}\u{fffd}'") && image.contains("a \u{fffd}[1m title"),
            "{image}"
        );
    }
}
