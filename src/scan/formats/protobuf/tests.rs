use std::rc::Rc;

use super::*;
use crate::scan::Limits;
use crate::scan::input::Budget;

fn input(bytes: &[u8]) -> Input {
    Input::new(Rc::new(bytes.to_vec()), Rc::new(Budget::new(&Limits::default())))
}

/// The numbers of all fields of a message.
fn numbers(bytes: &[u8]) -> Result<Vec<u32>, Stop> {
    let input = input(bytes);
    let (mut cursor, mut fields) = (input.cursor(0), Message::whole(&input).unwrap().fields());
    let mut numbers = Vec::new();
    while let Some(field) = fields.next(&mut cursor)? {
        numbers.push(field.number);
    }
    Ok(numbers)
}

#[test]
fn fields_of_all_wire_types_are_passed() {
    let group = [0x1b, 0x08, 0x01, 0x23, 0x24, 0x12, 0x01, 0x00, 0x1c];
    let fixed = [0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x15, 1, 2, 3, 4];
    let bytes = [build::number(7, u64::MAX), group.to_vec(), fixed.to_vec(), build::bytes(9, "text")].concat();
    assert_eq!(numbers(&bytes).unwrap(), [7, 3, 1, 2, 9]);
}

#[test]
fn a_length_that_leaves_its_message_is_a_fault() {
    let bytes = [&[0x0a, 0x03, 0x12, 0x05, 0x00][..], &[0; 100]].concat();
    let input = input(&bytes);
    let mut cursor = input.cursor(0);
    let outer = Message::whole(&input).unwrap().fields().next(&mut cursor).unwrap().unwrap().bytes().unwrap();
    assert!(matches!(outer.fields().next(&mut cursor), Err(Stop::Fault(_))));
}

#[test]
fn what_is_cut_off_or_meaningless_is_a_fault() {
    for bytes in [&[0x08][..], &[0x0a, 5, 1], &[0x00], &[0x0c], &[0x0f, 0], &[0x0b, 0x08], &[0x0b, 0x14], &[0xff; 20]] {
        assert!(matches!(numbers(bytes), Err(Stop::Fault(_))), "{bytes:x?}");
    }
}

#[test]
fn groups_nested_without_end_hit_the_limit() {
    assert!(matches!(numbers(&[0x0b; 1000]), Err(Stop::Limit(_))));
}

#[test]
fn messages_nested_without_end_hit_the_limit() {
    let deep = (0..150).fold(Vec::new(), |inside, _| build::bytes(1, inside));
    let input = input(&deep);
    let (mut cursor, mut message) = (input.cursor(0), Message::whole(&input).unwrap());
    let stop = loop {
        match message.fields().next(&mut cursor) {
            Ok(Some(field)) => message = field.bytes().unwrap(),
            Ok(None) => panic!("the limit was not hit"),
            Err(stop) => break stop,
        }
    };
    assert!(matches!(stop, Stop::Limit(_)), "{stop}");
}
