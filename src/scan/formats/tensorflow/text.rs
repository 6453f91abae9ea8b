//! Graphs in the text form of protocol buffers (`saved_model.pbtxt`): recognised and not read.
//!
//! TensorFlow loads them as it does the binary ones, so they are told as not scanned rather than as no model.

/// What a graph, a meta graph or a saved model begins with, each followed by `{` or `:`.
const FIRST_WORDS: [&str; 6] =
    ["node", "library", "meta_info_def", "graph_def", "meta_graphs", "saved_model_schema_version"];
/// One of these stands near the beginning, whichever it is.
const TELLING_WORDS: [&str; 4] = ["op:", "signature", "meta_info_def", "saved_model_schema_version"];

/// Whether the first bytes of a file are those of a graph in text.
pub(super) fn is_graph(head: &[u8]) -> bool {
    // The head may end within a character.
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(head.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default(),
    };
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
    let begins = FIRST_WORDS
        .iter()
        .any(|word| first.strip_prefix(word).is_some_and(|rest| rest.trim_start().starts_with(['{', ':', '<'])));
    begins && TELLING_WORDS.iter().any(|word| text.contains(word))
}
