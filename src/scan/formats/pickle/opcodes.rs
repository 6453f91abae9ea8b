//! The opcodes of pickle protocols 0 to 5, and how each writes its argument.
//!
//! Names and numbers are those of CPython's `Lib/pickle.py`. What an opcode does is in the machine; this file knows only how many
//! bytes it is made of, so that a constant can be named by the offset of its opcode and read again when its value matters.

macro_rules! opcodes {
    ($($name:ident = $byte:literal, $argument:ident;)+) => {
        $(pub(super) const $name: u8 = $byte;)+

        /// How the argument of `opcode` is written; `None` when there is no such opcode.
        pub(super) const fn argument(opcode: u8) -> Option<Argument> {
            match opcode {
                $($name => Some(Argument::$argument),)+
                _ => None,
            }
        }
    };
}

/// How an opcode's argument is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Argument {
    /// There is none.
    Nothing,
    /// One byte.
    One,
    /// Two bytes.
    Two,
    /// Four bytes.
    Four,
    /// Eight bytes.
    Eight,
    /// Text up to a newline.
    Line,
    /// Two lines of text.
    TwoLines,
    /// A length of one byte, and as many bytes.
    Counted1,
    /// A length of four bytes, and as many bytes.
    Counted4,
    /// A length of eight bytes, and as many bytes.
    Counted8,
}

opcodes! {
    MARK = b'(', Nothing;
    STOP = b'.', Nothing;
    POP = b'0', Nothing;
    POP_MARK = b'1', Nothing;
    DUP = b'2', Nothing;
    FLOAT = b'F', Line;
    INT = b'I', Line;
    BININT = b'J', Four;
    BININT1 = b'K', One;
    LONG = b'L', Line;
    BININT2 = b'M', Two;
    NONE = b'N', Nothing;
    PERSID = b'P', Line;
    BINPERSID = b'Q', Nothing;
    REDUCE = b'R', Nothing;
    STRING = b'S', Line;
    BINSTRING = b'T', Counted4;
    SHORT_BINSTRING = b'U', Counted1;
    UNICODE = b'V', Line;
    BINUNICODE = b'X', Counted4;
    APPEND = b'a', Nothing;
    BUILD = b'b', Nothing;
    GLOBAL = b'c', TwoLines;
    DICT = b'd', Nothing;
    EMPTY_DICT = b'}', Nothing;
    APPENDS = b'e', Nothing;
    GET = b'g', Line;
    BINGET = b'h', One;
    INST = b'i', TwoLines;
    LONG_BINGET = b'j', Four;
    LIST = b'l', Nothing;
    EMPTY_LIST = b']', Nothing;
    OBJ = b'o', Nothing;
    PUT = b'p', Line;
    BINPUT = b'q', One;
    LONG_BINPUT = b'r', Four;
    SETITEM = b's', Nothing;
    TUPLE = b't', Nothing;
    EMPTY_TUPLE = b')', Nothing;
    SETITEMS = b'u', Nothing;
    BINFLOAT = b'G', Eight;
    PROTO = 0x80, One;
    NEWOBJ = 0x81, Nothing;
    EXT1 = 0x82, One;
    EXT2 = 0x83, Two;
    EXT4 = 0x84, Four;
    TUPLE1 = 0x85, Nothing;
    TUPLE2 = 0x86, Nothing;
    TUPLE3 = 0x87, Nothing;
    NEWTRUE = 0x88, Nothing;
    NEWFALSE = 0x89, Nothing;
    LONG1 = 0x8a, Counted1;
    LONG4 = 0x8b, Counted4;
    BINBYTES = b'B', Counted4;
    SHORT_BINBYTES = b'C', Counted1;
    SHORT_BINUNICODE = 0x8c, Counted1;
    BINUNICODE8 = 0x8d, Counted8;
    BINBYTES8 = 0x8e, Counted8;
    EMPTY_SET = 0x8f, Nothing;
    ADDITEMS = 0x90, Nothing;
    FROZENSET = 0x91, Nothing;
    NEWOBJ_EX = 0x92, Nothing;
    STACK_GLOBAL = 0x93, Nothing;
    MEMOIZE = 0x94, Nothing;
    FRAME = 0x95, Eight;
    BYTEARRAY8 = 0x96, Counted8;
    NEXT_BUFFER = 0x97, Nothing;
    READONLY_BUFFER = 0x98, Nothing;
}
