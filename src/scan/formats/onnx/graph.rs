//! Goes through graphs, nodes, attributes and tensors, and judges what it meets.
//!
//! Graphs nest in the attributes of their nodes; the reader's limit on nesting bounds the recursion here.

use std::collections::BTreeSet;

use super::operators::{CODE_ATTRIBUTES, OPERATORS, Operator, is_builtin_domain};
use super::{CUSTOM_DOMAIN, OPERATOR, SHAPE, external};
use crate::report::{Finding, Severity};
use crate::scan::formats::pickle;
use crate::scan::formats::protobuf::{Message, Value};
use crate::scan::input::{Cursor, Input};
use crate::scan::{Scan, Stop};

/// Names of a kind that are kept; a model that has more has told enough.
const MAX_NAMES: usize = 64;
/// Names of external files that are told one by one.
const MAX_EXTERNAL_NAMES: usize = 16;
/// Elements of a tensor beyond which no memory holds it.
const MAX_ELEMENTS: u64 = 1 << 42;

/// Fields of `GraphProto`.
mod in_graph {
    pub(super) const NODE: u32 = 1;
    pub(super) const NAME: u32 = 2;
    pub(super) const INITIALIZER: u32 = 5;
    pub(super) const SPARSE_INITIALIZER: u32 = 15;
}

/// Fields of `NodeProto`.
mod node {
    pub(super) const OP_TYPE: u32 = 4;
    pub(super) const ATTRIBUTE: u32 = 5;
    pub(super) const DOMAIN: u32 = 7;
}

/// Fields of `FunctionProto`.
mod function {
    pub(super) const NAME: u32 = 1;
    pub(super) const NODE: u32 = 7;
    pub(super) const DOMAIN: u32 = 10;
    pub(super) const ATTRIBUTE: u32 = 11;
}

/// Fields of `AttributeProto`.
mod attribute {
    pub(super) const NAME: u32 = 1;
    pub(super) const STRING: u32 = 4;
    pub(super) const TENSOR: u32 = 5;
    pub(super) const GRAPH: u32 = 6;
    pub(super) const STRINGS: u32 = 9;
    pub(super) const TENSORS: u32 = 10;
    pub(super) const GRAPHS: u32 = 11;
    pub(super) const SPARSE_TENSOR: u32 = 22;
    pub(super) const SPARSE_TENSORS: u32 = 23;
}

/// Fields of `TensorProto`.
mod tensor {
    pub(super) const DIMENSIONS: u32 = 1;
    pub(super) const EXTERNAL_DATA: u32 = 13;
}

/// Fields of `SparseTensorProto`.
const SPARSE_VALUES: u32 = 1;
const SPARSE_INDICES: u32 = 2;
/// Fields of `TrainingInfoProto`.
const TRAINING_GRAPHS: std::ops::RangeInclusive<u32> = 1..=2;

/// What is known of a model so far.
pub(super) struct Walk<'w, 's> {
    scan: &'w mut Scan<'s>,
    input: &'w Input,
    /// Domains of operators that no runtime brings.
    domains: BTreeSet<String>,
    /// Domains of the model's own functions, whose operators the model brings itself.
    own_domains: BTreeSet<String>,
    external: BTreeSet<String>,
}

impl<'w, 's> Walk<'w, 's> {
    pub(super) fn new(scan: &'w mut Scan<'s>, input: &'w Input) -> Self {
        let [domains, own_domains, external] = [const { BTreeSet::new() }; 3];
        Self { scan, input, domains, own_domains, external }
    }

    pub(super) fn finding(&mut self, finding: Finding) {
        self.scan.finding(self.input, finding);
    }

    /// Goes through a `GraphProto`.
    pub(super) fn graph(&mut self, graph: Message, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let mut fields = graph.fields();
        while let Some(field) = fields.next(cursor)? {
            let Some(bytes) = field.bytes() else { continue };
            match field.number {
                in_graph::NODE => self.node(bytes, cursor)?,
                in_graph::INITIALIZER => self.tensor(bytes, cursor)?,
                in_graph::SPARSE_INITIALIZER => self.sparse_tensor(bytes, cursor)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Goes through a `TrainingInfoProto`.
    pub(super) fn training(&mut self, training: Message, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let mut fields = training.fields();
        while let Some(field) = fields.next(cursor)? {
            if let (true, Some(graph)) = (TRAINING_GRAPHS.contains(&field.number), field.bytes()) {
                self.graph(graph, cursor)?;
            }
        }
        Ok(())
    }

    /// Goes through a `FunctionProto`.
    pub(super) fn function(&mut self, function: Message, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let mut fields = function.fields();
        while let Some(field) = fields.next(cursor)? {
            let Some(bytes) = field.bytes() else { continue };
            match field.number {
                function::NODE => self.node(bytes, cursor)?,
                function::ATTRIBUTE => self.attribute(bytes, cursor, None)?,
                function::DOMAIN => insert(&mut self.own_domains, bytes.text(cursor)?, MAX_NAMES),
                _ => {}
            }
        }
        Ok(())
    }

    /// Two rounds: what the operator is stands behind or before its attributes.
    fn node(&mut self, node: Message, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let (mut name, mut domain) = (String::new(), String::new());
        let mut fields = node.fields();
        while let Some(field) = fields.next(cursor)? {
            match (field.number, field.value) {
                (node::OP_TYPE, Value::Bytes(text)) => name = text.text(cursor)?,
                (node::DOMAIN, Value::Bytes(text)) => domain = text.text(cursor)?,
                _ => {}
            }
        }
        let operator = OPERATORS.iter().find(|operator| operator.name == name);
        if let Some(operator) = operator {
            self.operator(operator, node, cursor)?;
        }
        if !is_builtin_domain(&domain) {
            insert(&mut self.domains, domain, MAX_NAMES);
        }
        let mut fields = node.fields();
        while let Some(field) = fields.next(cursor)? {
            if let (node::ATTRIBUTE, Value::Bytes(attribute)) = (field.number, field.value) {
                self.attribute(attribute, cursor, operator)?;
            }
        }
        Ok(())
    }

    fn operator(&mut self, operator: &Operator, node: Message, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let given = string_attribute(node, operator.attribute, cursor)?;
        let message = format!("An operator does more than compute: {}", operator.reason);
        let evidence = format!("{}({}={given:?})", operator.name, operator.attribute);
        let finding = Finding::new(OPERATOR, operator.severity, message).at(node.at);
        self.finding(finding.evidence(evidence).callable(operator.name));
        Ok(())
    }

    fn attribute(
        &mut self,
        attribute: Message,
        cursor: &mut Cursor<'_>,
        operator: Option<&Operator>,
    ) -> Result<(), Stop> {
        let mut name = String::new();
        let mut fields = attribute.fields();
        while let Some(field) = fields.next(cursor)? {
            let Some(bytes) = field.bytes() else { continue };
            match field.number {
                attribute::NAME => name = bytes.text(cursor)?,
                attribute::GRAPH | attribute::GRAPHS => self.graph(bytes, cursor)?,
                attribute::TENSOR | attribute::TENSORS => self.tensor(bytes, cursor)?,
                attribute::SPARSE_TENSOR | attribute::SPARSE_TENSORS => self.sparse_tensor(bytes, cursor)?,
                attribute::STRING | attribute::STRINGS => self.string(&name, bytes, cursor, operator)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// A string that names a file, is source code, or is a pickle.
    fn string(
        &mut self,
        name: &str,
        bytes: Message,
        cursor: &mut Cursor<'_>,
        operator: Option<&Operator>,
    ) -> Result<(), Stop> {
        if let Some(operator) = operator.filter(|operator| operator.is_path && operator.attribute == name) {
            let path = bytes.text(cursor)?;
            // Compiled code that is embedded is no path; it is not text.
            if let Some((_, how)) = external::leaves(&path).filter(|_| path.chars().all(|c| !c.is_control())) {
                let message = format!("An operator reads a file at a place that {how}");
                let finding = Finding::new(OPERATOR, Severity::High, message).at(bytes.at);
                self.finding(finding.evidence(format!("{}({name}={path:?})", operator.name)).callable(operator.name));
            }
        }
        if CODE_ATTRIBUTES.contains(&name) && bytes.size() > 0 {
            let message = "An attribute carries source code";
            let finding = Finding::new(OPERATOR, Severity::High, message).at(bytes.at);
            let code = bytes.text(cursor)?;
            self.finding(finding.evidence(code));
        }
        if matches!(*bytes.read(cursor, 2)?, [0x80, 2..=5]) {
            let member = self.input.slice(bytes.at, bytes.size()).as_member("(string attribute)");
            self.scan.member_as(&pickle::FORMAT, &member);
        }
        Ok(())
    }

    fn sparse_tensor(&mut self, sparse: Message, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let mut fields = sparse.fields();
        while let Some(field) = fields.next(cursor)? {
            if let (SPARSE_VALUES | SPARSE_INDICES, Value::Bytes(tensor)) = (field.number, field.value) {
                self.tensor(tensor, cursor)?;
            }
        }
        Ok(())
    }

    fn tensor(&mut self, tensor: Message, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        // A dimension of zero makes the tensor empty, whatever the others say.
        let (mut elements, mut is_empty) = (1_u64, false);
        let mut multiply = |size: u64| {
            elements = elements.saturating_mul(size.max(1));
            is_empty |= size == 0;
        };
        let mut fields = tensor.fields();
        while let Some(field) = fields.next(cursor)? {
            match (field.number, field.value) {
                (tensor::DIMENSIONS, Value::Number(size)) => multiply(size),
                (tensor::DIMENSIONS, Value::Bytes(sizes)) => sizes.varints(cursor, &mut multiply)?,
                (tensor::EXTERNAL_DATA, Value::Bytes(entry)) => external::judge(self, entry, cursor)?,
                _ => {}
            }
        }
        if elements > MAX_ELEMENTS && !is_empty {
            let message = "A tensor has more elements than memory can hold";
            self.finding(Finding::new(SHAPE, Severity::Low, message).at(tensor.at));
        }
        Ok(())
    }

    /// Tells the name of a file beside the model that it reads.
    pub(super) fn remember_external(&mut self, location: &str) {
        if self.external.contains(location) || self.external.len() >= MAX_EXTERNAL_NAMES {
            return;
        }
        insert(&mut self.external, location.to_owned(), MAX_EXTERNAL_NAMES);
        let message = "Tensors are read from a file beside the model";
        self.finding(Finding::new(super::EXTERNAL_DATA, Severity::Low, message).evidence(location));
    }

    /// Reports the domains that neither a runtime nor the model itself brings.
    pub(super) fn judge_domains(&mut self) {
        let domains = std::mem::take(&mut self.domains);
        for domain in domains.difference(&self.own_domains.clone()) {
            let message = "Operators of this domain come from a native library, which has to be loaded for the model";
            self.finding(Finding::new(CUSTOM_DOMAIN, Severity::Medium, message).evidence(domain).callable(domain));
        }
    }
}

fn insert(names: &mut BTreeSet<String>, name: String, max: usize) {
    if names.len() < max {
        names.insert(name);
    }
}

/// The string of the attribute `wanted` of a node; empty when there is none.
fn string_attribute(node: Message, wanted: &str, cursor: &mut Cursor<'_>) -> Result<String, Stop> {
    let mut fields = node.fields();
    while let Some(field) = fields.next(cursor)? {
        let (node::ATTRIBUTE, Value::Bytes(attribute)) = (field.number, field.value) else { continue };
        let (mut name, mut text) = (String::new(), None);
        let mut fields = attribute.fields();
        while let Some(field) = fields.next(cursor)? {
            match (field.number, field.value) {
                (attribute::NAME, Value::Bytes(bytes)) => name = bytes.text(cursor)?,
                (attribute::STRING, Value::Bytes(bytes)) => text = Some(bytes),
                _ => {}
            }
        }
        if let Some(text) = text.filter(|_| name == wanted) {
            return text.text(cursor);
        }
    }
    Ok(String::new())
}

/// A `StringStringEntryProto`. Of a field that stands twice, the last counts.
pub(super) fn key_and_value(entry: Message, cursor: &mut Cursor<'_>) -> Result<(String, String), Stop> {
    let (mut key, mut value) = (String::new(), String::new());
    let mut fields = entry.fields();
    while let Some(field) = fields.next(cursor)? {
        match (field.number, field.value) {
            (1, Value::Bytes(text)) => key = text.text(cursor)?,
            (2, Value::Bytes(text)) => value = text.text(cursor)?,
            _ => {}
        }
    }
    Ok((key, value))
}

/// Whether a message is a graph with a node that has an operator, or at least with a named tensor.
pub(super) fn looks_like_graph(message: Message, cursor: &mut Cursor<'_>) -> Result<bool, Stop> {
    let (mut fields, mut has_name, mut has_tensor) = (message.fields(), false, false);
    while let Some(field) = fields.next(cursor)? {
        match (field.number, field.value) {
            (in_graph::NODE, Value::Bytes(node)) if has_word(node, node::OP_TYPE, cursor)? => return Ok(true),
            (in_graph::NODE, Value::Number(_)) => return Ok(false),
            (in_graph::NAME, Value::Bytes(_)) => has_name = true,
            (in_graph::INITIALIZER, Value::Bytes(tensor)) => has_tensor = has_tensor || has_word(tensor, 8, cursor)?,
            _ => {}
        }
    }
    Ok(has_name && has_tensor)
}

/// Whether a message is a function with a name and a node that has an operator.
pub(super) fn looks_like_function(message: Message, cursor: &mut Cursor<'_>) -> Result<bool, Stop> {
    if !has_word(message, function::NAME, cursor)? {
        return Ok(false);
    }
    let mut fields = message.fields();
    while let Some(field) = fields.next(cursor)? {
        if let (function::NODE, Value::Bytes(node)) = (field.number, field.value)
            && has_word(node, node::OP_TYPE, cursor)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a message has a field `number` that is a word of printable ASCII.
fn has_word(message: Message, number: u32, cursor: &mut Cursor<'_>) -> Result<bool, Stop> {
    let mut fields = message.fields();
    while let Some(field) = fields.next(cursor)? {
        if let Some(text) = field.bytes().filter(|_| field.number == number) {
            let word = text.read(cursor, 256)?;
            return Ok(!word.is_empty() && word.iter().all(u8::is_ascii_graphic));
        }
    }
    Ok(false)
}
