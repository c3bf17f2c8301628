//! What `--json` prints is what `docs/json.md` says: the same keys in the same order, the same kinds of values.

use std::fs;
use std::path::Path;
use std::process::Command;

use host_encoder::io::write_y4m;
use host_encoder::sample::{SampleSettings, sample_clip};
use serde_json::Value;

/// The objects that the document shows.
fn documented() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/json.md");
    let text = fs::read_to_string(path).unwrap();
    let blocks = text.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.map(|block| serde_json::from_str(block).unwrap()).collect()
}

/// The shape of a value: keys and kinds. Lists have the shape of their first item.
fn shape(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "bool".into(),
        Value::Number(number) if number.is_f64() => "number".into(),
        Value::Number(_) => "whole".into(),
        Value::String(_) => "text".into(),
        Value::Array(items) => format!("[{}]", items.first().map(shape).unwrap_or_default()),
        Value::Object(entries) => {
            let entries: Vec<_> = entries.iter().map(|(key, value)| format!("{key}: {}", shape(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

#[test]
fn what_is_printed_is_what_is_documented() {
    let folder = tempfile::tempdir().unwrap();
    let clip = sample_clip(&SampleSettings { width: 32, height: 24, frames: 3, rate: (24, 1) });
    write_y4m(fs::File::create(folder.path().join("clip.y4m")).unwrap(), &clip).unwrap();
    let runs = [
        "encode clip.y4m --effort draft --lambda 86.6",
        "estimate clip.y4m --effort draft --lambda 150.5",
        "decode clip.nvl -o clip.gif",
        "info clip.nvl",
        "report clip.nvl --source clip.y4m --alone",
    ];
    let documented = documented();
    assert_eq!(documented.len(), runs.len());
    for (run, expected) in runs.iter().zip(documented) {
        let output = Command::new(env!("CARGO_BIN_EXE_nvl"))
            .args(run.split(' '))
            .arg("--json")
            .current_dir(folder.path())
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{run}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(printed.lines().count(), 1, "{run}: {printed}");
        let object: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(shape(&object), shape(&expected), "{run}");
    }
}
