// What kinfo_layouts.rs says of each case in a file of them, as probe.c has them: a line for each layout whose sum holds.
mod kinfo_layouts;
use kinfo_layouts::{find, summed, Field, Layout, Record, LAYOUTS};

fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{:02x}", byte)).collect()
}

fn fields(record: &Record, all: &[Field]) -> String {
    let mut said = String::new();
    for field in all {
        for index in 0..=field.kind().elements.max(1) {
            if let Some(number) = record.number(*field, index) {
                said += &format!(" {:?}.{}={}", field, index, number);
            }
            if let Some(bytes) = record.text(*field, index) {
                said += &format!(" {:?}.{}=x{}", field, index, text(bytes));
            }
        }
    }
    said
}

fn main() {
    let cases = std::fs::read(std::env::args().nth(1).unwrap()).unwrap();
    let mut all: Vec<Field> = Vec::new();
    for (field, _) in LAYOUTS.iter().flat_map(|layout| layout.fields) {
        if !all.contains(field) {
            all.push(*field);
        }
    }
    assert!(Layout::named("C").is_some() && Layout::named("none").is_none());
    let mut rest = &cases[..];
    while rest.len() >= 4 {
        let size = u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
        let memory = &rest[4..4 + size];
        println!("case {:?} {:?}", find(memory, 0, 4), find(memory, 1, 0));
        for layout in summed(memory) {
            let record = Record::new(layout, memory).unwrap();
            println!("{} {:?}{}", layout.alias, layout.sum(memory), fields(&record, &all));
        }
        rest = &rest[4 + size..];
    }
}
