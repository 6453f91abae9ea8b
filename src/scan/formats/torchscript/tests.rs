use super::super::testing::*;
use crate::report::{Report, Severity};

/// As torch 2 serialises a small module.
const HONEST: &str = r#"class Net(Module):
  __parameters__ = ["weight", "bias", ]
  __buffers__ = []
  weight : Tensor
  training : bool
  conv : __torch__.torch.nn.modules.conv.Conv2d
  packed : __torch__.torch.classes.quantized.Conv2dPackedParamsBase
  def forward(self: __torch__.Net,
    x: Tensor) -> Tensor:
    _0 = torch.add(torch.matmul(x, self.weight), 1)
    _1 = ops.prim.NumToTensor(torch.size(x, 0))
    _2 = ops.quantized.conv2d(x, self.packed, 0.5, 128)
    return torch.relu(_0)
"#;

fn with_line(line: &str) -> Report {
    let code = format!("{HONEST}    _3 = {line}\n");
    report_of(&zip(&[ZipMember::deflated("net/code/__torch__.py", code.as_bytes())]))
}

#[test]
fn code_that_only_computes_raises_nothing() {
    let report = with_line("torch.neg(x)");
    assert_eq!((report.findings.len(), report.formats.contains(&"torchscript".to_owned())), (0, true), "{report:#?}");
}

#[test]
fn file_operations_e17() {
    for (line, severity) in [
        ("ops.aten.save(x, \"/tmp/none\")", Severity::Critical),
        ("torch.save(x, \"none\")", Severity::Critical),
        ("torch.from_file(\"none\", False, 10)", Severity::High),
    ] {
        let report = with_line(line);
        assert_eq!(severity_of(&report, "torchscript.file-operation"), Some(severity), "{line}: {report:#?}");
    }
}

#[test]
fn operators_of_extensions_e17() {
    let report = with_line("ops.my_own_ops.run(x)");
    assert_eq!(severity_of(&report, "torchscript.custom-operator"), Some(Severity::Medium), "{report:#?}");
    let report = with_line("ops.torchvision.nms(x, x, 0.5)");
    assert_eq!(report.worst(), Some(Severity::Low), "{report:#?}");
}

#[test]
fn classes_of_extensions_e18() {
    let report = with_line("annotate(__torch__.torch.classes.my_backend.Engine, x)");
    assert_eq!(severity_of(&report, "torchscript.custom-class"), Some(Severity::Medium), "{report:#?}");
}

#[test]
fn code_under_another_name_is_seen() {
    let code = format!("{HONEST}    torch.save(x, \"none\")\n");
    let report = report_of(&zip(&[ZipMember::stored("readme.txt", code.as_bytes())]));
    assert_eq!(severity_of(&report, "torchscript.file-operation"), Some(Severity::Critical), "{report:#?}");
}
