//! Makes pickles: streams of opcodes that mostly fit the stack, and damaged ones.

/// A pseudo-random generator (xorshift64*), so that a seed names its pickles on every machine.
pub struct Generator {
    state: u64,
    earlier: Vec<Vec<u8>>,
}

const MODULES: &[&str] = &["os", "m", "a.b", "collections", "__builtin__", "copy_reg", "numpy.core", "Queue"];
const NAMES: &[&str] = &["system", "f", "C", "OrderedDict", "eval", "_reconstructor", "a.b.c", "Queue"];

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self { state: seed | 1, earlier: Vec::new() }
    }

    fn next(&mut self, below: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below.max(1)
    }

    fn one<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.next(list.len())]
    }

    /// The next pickle.
    pub fn pickle(&mut self) -> Vec<u8> {
        let mut pickle = Stream::default();
        if self.next(3) > 0 {
            pickle.bytes.extend([0x80, self.next(6) as u8]);
        }
        for _ in 0..self.next(60) {
            self.opcode(&mut pickle);
        }
        self.end(&mut pickle);
        let mut bytes = pickle.bytes;
        if self.next(3) == 0 {
            self.damage(&mut bytes);
        }
        if self.earlier.len() < 512 {
            self.earlier.push(bytes.clone());
        } else {
            let at = self.next(512);
            self.earlier[at] = bytes.clone();
        }
        bytes
    }

    fn end(&mut self, stream: &mut Stream) {
        if self.next(8) > 0 {
            stream.bytes.push(b'.');
        }
    }

    fn opcode(&mut self, stream: &mut Stream) {
        match self.next(24) {
            0..=3 => self.constant(stream),
            4..=6 => self.global(stream),
            7 => stream.mark(),
            8 => stream.push(&[b"]", b"}", b")", b"\x8f"][self.next(4)][..], 0, 1),
            9 => self.close(stream),
            10 => stream.push(&[b"\x85", b"\x86", b"\x87"][self.next(3)][..], 3, 1),
            11..=13 => {
                self.constant(stream);
                stream.push(b"\x85", 1, 1);
                stream.push([&b"R"[..], b"\x81", b"b"][self.next(3)], 2, 1);
            }
            14 => stream.push(b"\x94", 1, 1),
            15 => {
                let index = self.next(12) as u8;
                match self.next(3) {
                    0 => stream.push(&[b'q', index], 1, 1),
                    1 => stream.push(&[b'r', index, 0, 0, 0], 1, 1),
                    _ => stream.push(format!("p{index}\n").as_bytes(), 1, 1),
                }
            }
            16..=17 => {
                let index = self.next(8) as u8;
                match self.next(4) {
                    0 => stream.push(&[b'j', index, 0, 0, 0], 0, 1),
                    1 => stream.push(format!("g{index}\n").as_bytes(), 0, 1),
                    _ => stream.push(&[b'h', index], 0, 1),
                }
            }
            18 => stream.push(b"2", 1, 2),
            19 => stream.push(b"0", 1, 0),
            20 => self.odd(stream),
            21 => stream.push(b"b", 2, 1),
            22 => stream.push([&b"a"[..], b"s"][self.next(2)], 2, 1),
            _ => {
                let size = self.next(64) as u64;
                stream.bytes.push(0x95);
                stream.bytes.extend(size.to_le_bytes());
            }
        }
    }

    fn odd(&mut self, stream: &mut Stream) {
        match self.next(9) {
            0 => stream.push(b"P17\n", 0, 1),
            1 => stream.push(b"Q", 1, 1),
            2 => stream.push(b"\x97", 0, 1),
            3 => stream.push(b"\x98", 1, 1),
            4 => stream.push(b"\x92", 3, 1),
            5 => stream.bytes.extend([0x80, self.next(6) as u8]),
            6 => stream.bytes.push(self.next(256) as u8),
            7 => stream.push(b"\x82\x01", 0, 1),
            _ => stream.bytes.push(b'1'),
        }
    }

    fn close(&mut self, stream: &mut Stream) {
        let opcodes: &[&[u8]] =
            &[b"t", b"l", b"d", b"\x91", b"1", b"o", b"e", b"u", b"\x90", b"im\nC\n", b"ios\nsystem\n"];
        let opcode = opcodes[self.next(opcodes.len())];
        stream.bytes.extend(opcode);
        stream.unmark();
    }

    fn global(&mut self, stream: &mut Stream) {
        let (module, name) = (self.one(MODULES), self.one(NAMES));
        if self.next(3) == 0 {
            stream.push(format!("c{module}\n{name}\n").as_bytes(), 0, 1);
            return;
        }
        self.text(stream, module);
        if self.next(4) == 0 {
            stream.push(b"\x94", 1, 1);
        }
        self.text(stream, name);
        match self.next(6) {
            0 => stream.push(b"h\x00\x94\x30", 0, 0),
            1 => stream.push(b"20", 1, 1),
            _ => {}
        }
        stream.push(b"\x93", 2, 1);
    }

    fn text(&mut self, stream: &mut Stream, text: &str) {
        let size = text.len() as u8;
        let head: Vec<u8> = match self.next(7) {
            0 => vec![b'U', size],
            1 => vec![b'X', size, 0, 0, 0],
            2 => vec![0x8d, size, 0, 0, 0, 0, 0, 0, 0],
            3 => vec![b'T', size, 0, 0, 0],
            4 => return stream.push(format!("V{}\n", self.escaped(text, 'u')).as_bytes(), 0, 1),
            5 => return stream.push(format!("S'{}'\n", self.escaped(text, 'x')).as_bytes(), 0, 1),
            _ => vec![0x8c, size],
        };
        stream.push(&[&head, text.as_bytes()].concat(), 0, 1);
    }

    fn escaped(&mut self, text: &str, kind: char) -> String {
        let escape =
            |c: char| if kind == 'u' { format!("\\u{:04x}", c as u32) } else { format!("\\x{:02x}", c as u32) };
        text.chars().map(|c| if self.next(4) == 0 { escape(c) } else { c.to_string() }).collect()
    }

    fn constant(&mut self, stream: &mut Stream) {
        let constants: &[&[u8]] = &[
            b"N",
            b"\x88",
            b"K\x07",
            b"M\x07\x01",
            b"J\xff\xff\xff\xff",
            b"I01\n",
            b"I0x10\n",
            b"I010\n",
            b"L7L\n",
            b"L0x10L\n",
            b"F1.5\n",
            b"F 1_0 \n",
            b"G?\xf8\x00\x00\x00\x00\x00\x00",
            b"\x8a\x02\x00\x01",
            b"\x8b\x01\x00\x00\x00\x05",
            b"\x8b\xff\xff\xff\xff",
            b"C\x03abc",
            b"B\x02\x00\x00\x00ab",
            b"\x8e\x01\x00\x00\x00\x00\x00\x00\x00a",
            b"\x96\x01\x00\x00\x00\x00\x00\x00\x00a",
            b"S'a\\xe9\xe9'\n",
            b"S\"a\"\n",
            b"S'a' \n",
            b"Sa\n",
            b"V\xe9\\u00e9\n",
            b"U\x01\xe9",
            b"X\x01\x00\x00\x00\xe9",
            b"\x8c\x01a",
        ];
        let constant = constants[self.next(constants.len())];
        stream.push(constant, 0, 1);
    }

    fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.next(3) {
            let at = self.next(bytes.len());
            match self.next(6) {
                0 if at < bytes.len() => bytes[at] = self.next(256) as u8,
                1 if at < bytes.len() => {
                    bytes.remove(at);
                }
                2 => bytes.insert(at, self.next(256) as u8),
                3 => bytes.truncate(at),
                4 if !self.earlier.is_empty() => {
                    let from = self.next(self.earlier.len());
                    let other = self.earlier[from].clone();
                    let start = self.next(other.len());
                    let tail = bytes.split_off(at);
                    bytes.extend(&other[start..]);
                    bytes.extend(tail);
                }
                _ => {
                    let tail = bytes[at..].to_vec();
                    bytes.extend(tail);
                }
            }
        }
    }
}

/// A pickle under way, with the height of its stack, so that most opcodes find what they need.
#[derive(Default)]
struct Stream {
    bytes: Vec<u8>,
    height: usize,
    marks: Vec<usize>,
}

impl Stream {
    fn push(&mut self, bytes: &[u8], taken: usize, given: usize) {
        for _ in self.height..taken {
            self.bytes.push(b'N');
        }
        self.height = self.height.max(taken) - taken + given;
        self.bytes.extend(bytes);
    }

    fn mark(&mut self) {
        self.bytes.push(b'(');
        self.marks.push(self.height);
        self.height = 0;
    }

    fn unmark(&mut self) {
        self.height = self.marks.pop().unwrap_or(0) + 1;
    }
}
