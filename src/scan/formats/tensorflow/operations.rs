//! Operations of TensorFlow that reach out of the graph: data, with what they do and which input or attribute says where.
//!
//! A table and nothing else; what a path means is judged beside it. Source: the registry of operations of TensorFlow 2.21
//! (`TF_GetAllOpList`) and tensorflow/core/api_def; the JFrog, Hugging Face and modelaudit reports on graphs that misuse them.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    /// Writes files.
    Writes,
    /// Writes checkpoints, as every saved model does where whoever saves names the place.
    Saves,
    /// Reads files, and hands their content to the graph.
    Reads,
    /// Reads records of files as a dataset.
    ReadsRecords,
    /// Reads checkpoints, as every saved model does where whoever loads names the place.
    Restores,
    /// Calls Python functions.
    CallsPython,
    /// Talks to a server.
    Connects,
    /// Sets how file systems are reached.
    ConfiguresFiles,
    /// Runs machine code from the model or from a library that registered it.
    RunsNative,
}

/// What says where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The input of this number, counted from 0.
    Input(usize),
    /// The attribute of this name.
    Attribute(&'static str),
    /// Nothing.
    Nowhere,
}

/// An operation that reaches out.
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) does: Does,
    pub(super) place: Place,
}

const fn op(name: &'static str, does: Does, place: Place) -> Operation {
    Operation { name, does, place }
}

use Does::{CallsPython, ConfiguresFiles, Connects, Reads, ReadsRecords, Restores, RunsNative, Saves, Writes};
use Place::{Attribute, Input, Nowhere};

/// Sorted by what they do.
const OPERATIONS: &[Operation] = &[
    op("WriteFile", Writes, Input(0)),
    op("DatasetToTFRecord", Writes, Input(1)),
    op("ExperimentalDatasetToTFRecord", Writes, Input(1)),
    op("SaveDataset", Writes, Input(1)),
    op("SaveDatasetV2", Writes, Input(1)),
    op("DistributedSave", Writes, Input(1)),
    op("SnapshotDataset", Writes, Input(1)),
    op("SnapshotDatasetV2", Writes, Input(1)),
    op("CacheDataset", Writes, Input(1)),
    op("CacheDatasetV2", Writes, Input(1)),
    op("CreateSummaryFileWriter", Writes, Input(1)),
    op("CreateSummaryDbWriter", Writes, Input(1)),
    op("DumpTensor", Writes, Attribute("log_dir_path")),
    op("CalibrationStatisticsSaver", Writes, Attribute("output_file_path")),
    op("DebugIdentity", Writes, Attribute("debug_urls")),
    op("DebugIdentityV2", Writes, Attribute("debug_urls")),
    op("DebugIdentityV3", Writes, Attribute("debug_urls")),
    op("DebugNanCount", Writes, Attribute("debug_urls")),
    op("DebugNumericSummary", Writes, Attribute("debug_urls")),
    op("PrintV2", Writes, Attribute("output_stream")),
    op("Save", Saves, Input(0)),
    op("SaveSlices", Saves, Input(0)),
    op("SaveV2", Saves, Input(0)),
    // It also deletes the folders that it merges.
    op("MergeV2Checkpoints", Saves, Input(0)),
    op("MergeV2Checkpoints", Saves, Input(1)),
    op("ReadFile", Reads, Input(0)),
    op("MatchingFiles", Reads, Input(0)),
    op("MatchingFilesDataset", ReadsRecords, Input(0)),
    op("ExperimentalMatchingFilesDataset", ReadsRecords, Input(0)),
    op("TFRecordDataset", ReadsRecords, Input(0)),
    op("TFRecordDatasetV2", ReadsRecords, Input(0)),
    op("TextLineDataset", ReadsRecords, Input(0)),
    op("FixedLengthRecordDataset", ReadsRecords, Input(0)),
    op("FixedLengthRecordDatasetV2", ReadsRecords, Input(0)),
    op("CSVDataset", ReadsRecords, Input(0)),
    op("CSVDatasetV2", ReadsRecords, Input(0)),
    op("ExperimentalCSVDataset", ReadsRecords, Input(0)),
    op("LMDBDataset", ReadsRecords, Input(0)),
    op("ExperimentalLMDBDataset", ReadsRecords, Input(0)),
    op("SqlDataset", ReadsRecords, Input(1)),
    op("ExperimentalSqlDataset", ReadsRecords, Input(1)),
    op("LoadDataset", ReadsRecords, Input(0)),
    op("ListSnapshotChunksDataset", ReadsRecords, Input(0)),
    op("SnapshotChunkDataset", ReadsRecords, Input(0)),
    op("SnapshotDatasetReader", ReadsRecords, Input(0)),
    // The readers of queues take their names from the queue that feeds them.
    op("ReaderReadV2", ReadsRecords, Nowhere),
    op("RecordInput", ReadsRecords, Attribute("file_pattern")),
    op("Skipgram", ReadsRecords, Attribute("filename")),
    op("FixedUnigramCandidateSampler", ReadsRecords, Attribute("vocab_file")),
    op("ImmutableConst", ReadsRecords, Attribute("memory_region_name")),
    op("InitializeTableFromTextFile", ReadsRecords, Input(1)),
    op("InitializeTableFromTextFileV2", ReadsRecords, Input(1)),
    op("GenerateVocabRemapping", ReadsRecords, Input(0)),
    op("GenerateVocabRemapping", ReadsRecords, Input(1)),
    op("LoadAndRemapMatrix", ReadsRecords, Input(0)),
    op("Restore", Restores, Input(0)),
    op("RestoreSlice", Restores, Input(0)),
    op("RestoreV2", Restores, Input(0)),
    op("DTensorRestoreV2", Restores, Input(0)),
    op("PyFunc", CallsPython, Attribute("token")),
    op("PyFuncStateless", CallsPython, Attribute("token")),
    op("EagerPyFunc", CallsPython, Attribute("token")),
    op("DataServiceDataset", Connects, Input(2)),
    op("DataServiceDatasetV2", Connects, Input(2)),
    op("DataServiceDatasetV3", Connects, Input(2)),
    op("DataServiceDatasetV4", Connects, Input(2)),
    op("RegisterDataset", Connects, Input(1)),
    op("RegisterDatasetV2", Connects, Input(1)),
    op("RpcServer", Connects, Input(0)),
    op("RpcClient", Connects, Input(0)),
    op("FileSystemSetConfiguration", ConfiguresFiles, Input(0)),
    op("XlaCustomCall", RunsNative, Attribute("target_name")),
    op("XlaCustomCallV2", RunsNative, Attribute("call_target_name")),
    op("TRTEngineOp", RunsNative, Attribute("segment_func")),
];

/// The facts about an operation; it has one for each place that it names.
pub(super) fn facts_of(name: &str) -> &'static [&'static Operation] {
    static BY_NAME: LazyLock<HashMap<&str, Vec<&Operation>>> = LazyLock::new(|| {
        let mut by_name = HashMap::<_, Vec<_>>::new();
        OPERATIONS.iter().for_each(|operation| by_name.entry(operation.name).or_default().push(operation));
        by_name
    });
    BY_NAME.get(name).map_or(&[], Vec::as_slice)
}

/// Every operation that TensorFlow 2.21 brings, sorted, one a line; see tests/corpus/graphs/make_tensorflow.py.
const KNOWN: &str = include_str!("known_operations.txt");

/// Whether TensorFlow brings an operation itself.
pub(super) fn is_known(name: &str) -> bool {
    static NAMES: LazyLock<HashSet<&str>> = LazyLock::new(|| KNOWN.lines().collect());
    NAMES.contains(name)
}

impl Does {
    /// What it does, as the end of a sentence about the operation.
    pub(super) fn as_words(self) -> &'static str {
        match self {
            Writes => "writes to a file or server",
            Saves => "writes a checkpoint to a place that the model names",
            Reads => "reads a file and hands on its content",
            ReadsRecords => "reads a file that the model names",
            Restores => "reads a checkpoint from a place that the model names",
            CallsPython => "calls a Python function",
            Connects => "connects to a server",
            ConfiguresFiles => "sets how file systems are reached",
            RunsNative => "runs machine code",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_operations_are_sorted_and_hold_the_table() {
        assert!(KNOWN.lines().is_sorted());
        // TensorRT's comes with another build.
        let missing =
            OPERATIONS.iter().filter(|operation| !is_known(operation.name) && operation.name != "TRTEngineOp");
        assert_eq!(missing.map(|operation| operation.name).collect::<Vec<_>>(), [""; 0]);
    }
}
