//! Writes a value or a call as Python would: `os.system("true")`. Bounded in depth and length.

use super::heap::{ARGUMENTS, CALLEE, KEYWORDS, Shape};
use super::literal::{self, Literal};
use super::machine::Machine;
use super::value::{NodeId, Value, View};

/// Bytes of text written for one value, or one call.
const MAX_BYTES: usize = 1536;
/// Bytes read of one constant.
const MAX_CONSTANT_BYTES: usize = 1024;
/// Containers inside containers.
const MAX_DEPTH: u8 = 6;
/// Values written of one container.
const MAX_ITEMS: usize = 32;

impl Machine<'_> {
    /// `value` as Python would write it.
    pub(super) fn show(&self, value: Value) -> String {
        let mut out = String::new();
        self.write(value, &mut out, 0);
        out
    }

    /// A call of what is written `callee` with `arguments`.
    pub(super) fn show_call(&self, callee: &str, arguments: Value) -> String {
        let mut out = callee.to_owned();
        self.write_arguments(arguments, &mut out, 0);
        out
    }

    fn write(&self, value: Value, out: &mut String, depth: u8) {
        if depth > MAX_DEPTH || out.len() > MAX_BYTES {
            out.push('…');
            return;
        }
        match value.view() {
            View::Const(at) => self.write_constant(at, out),
            View::Node(id) => self.write_node(id, out, depth + 1),
            View::Global(id) => out.push_str(&self.globals.get(id).map_or_else(String::new, |g| g.path())),
            View::Made(id) => {
                out.push_str(&self.globals.get(id).map_or_else(String::new, |g| g.path()));
                out.push_str("(…)");
            }
            View::Persistent => out.push_str("persistent_load(…)"),
            View::Unknown | View::Plain => out.push('…'),
        }
    }

    fn write_constant(&self, at: u64, out: &mut String) {
        let constant = literal::read(self.input, self.place(at), MAX_CONSTANT_BYTES).ok().flatten();
        let Some(constant) = constant else {
            out.push('…');
            return;
        };
        let cut = if constant.is_whole { "" } else { "…" };
        match constant.literal {
            Literal::None => out.push_str("None"),
            Literal::Bool(yes) => out.push_str(if yes { "True" } else { "False" }),
            Literal::Int(n) => out.push_str(&n.to_string()),
            Literal::BigInt => out.push('…'),
            Literal::Float(x) => out.push_str(&format!("{x:?}")),
            Literal::EmptyTuple => out.push_str("()"),
            Literal::Text(text) => out.push_str(&quoted(&text, cut)),
            Literal::Str(bytes) => out.push_str(&quoted(&literal::text_of(&bytes), cut)),
            Literal::Bytes(bytes) => {
                out.push_str(&format!("b\"{}{cut}\"", bytes.escape_ascii()));
            }
        }
    }

    fn write_node(&self, id: NodeId, out: &mut String, depth: u8) {
        let Some(shape) = self.heap.shape(id) else { return };
        match shape {
            Shape::Tuple if self.heap.items(id).len() == 1 => {
                out.push('(');
                self.write(self.heap.item(id, 0), out, depth);
                out.push_str(",)");
            }
            Shape::Tuple => self.write_items(id, out, depth, "(", ")"),
            Shape::List => self.write_items(id, out, depth, "[", "]"),
            Shape::Set => self.write_items(id, out, depth, "{", "}"),
            Shape::FrozenSet => self.write_items(id, out, depth, "frozenset({", "})"),
            Shape::Dict => self.write_dict(id, out, depth),
            Shape::Called | Shape::Constructed => {
                self.write(self.heap.item(id, CALLEE), out, depth);
                if shape == Shape::Constructed {
                    out.push_str(".__new__");
                }
                self.write_arguments(self.heap.item(id, ARGUMENTS), out, depth);
                let keywords = self.heap.item(id, KEYWORDS);
                if keywords != Value::VACANT {
                    out.pop();
                    out.push_str(", **");
                    self.write(keywords, out, depth);
                    out.push(')');
                }
            }
            Shape::Attribute => {
                out.push_str("getattr(");
                self.write(self.heap.item(id, 0), out, depth);
                out.push_str(", ");
                self.write(self.heap.item(id, 1), out, depth);
                out.push(')');
            }
        }
    }

    fn write_arguments(&self, arguments: Value, out: &mut String, depth: u8) {
        match arguments.view() {
            View::Node(id) if self.heap.shape(id) == Some(Shape::Tuple) => self.write_items(id, out, depth, "(", ")"),
            View::Const(_) => match self.arguments(arguments) {
                Some(_) => out.push_str("()"),
                None => out.push_str("(*…)"),
            },
            _ => out.push_str("(*…)"),
        }
    }

    fn write_items(&self, id: NodeId, out: &mut String, depth: u8, open: &str, close: &str) {
        out.push_str(open);
        for (index, item) in self.heap.items(id).iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            if index >= MAX_ITEMS || out.len() > MAX_BYTES {
                out.push('…');
                break;
            }
            self.write(*item, out, depth);
        }
        out.push_str(close);
    }

    fn write_dict(&self, id: NodeId, out: &mut String, depth: u8) {
        out.push('{');
        for (index, [key, value]) in self.heap.items(id).as_chunks::<2>().0.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            if index >= MAX_ITEMS || out.len() > MAX_BYTES {
                out.push('…');
                break;
            }
            self.write(*key, out, depth);
            out.push_str(": ");
            self.write(*value, out, depth);
        }
        out.push('}');
    }
}

fn quoted(text: &str, cut: &str) -> String {
    format!("\"{}{cut}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
