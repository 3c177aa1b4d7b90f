use super::*;

/// A command: its first word, then the others, then a content filled up to a whole word.
fn command(first: [u8; 4], words: &[u32], content: &[u8]) -> Vec<u8> {
    let mut bytes = u32::from_le_bytes(first).to_ne_bytes().to_vec();
    bytes.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(4), 0xee);
    bytes
}

fn string(slot: u32, text: &[u8]) -> Vec<u8> {
    command([2, 0, 0, 0], &[slot, text.len() as u32], text)
}

fn request(flags: u8, target: u32, method: u32) -> Vec<u8> {
    command([1, 1, flags, 0], &[7, 1500, 16, target, method, 2], &[0x81, 0x01])
}

fn respond(status: u8, kind: u8, content: &[u8]) -> Vec<u8> {
    command([3, kind, status, 0], &[9, 2, content.len() as u32], content)
}

fn publish(subject: u32) -> Vec<u8> {
    command([4, 2, 0, 0], &[3, subject, 1], b"1")
}

fn publish_text(subject: &[u8]) -> Vec<u8> {
    let content = [subject, &vec![0xee; subject.len().next_multiple_of(4) - subject.len()], b"21"];
    command([9, 2, 0, 0], &[3, subject.len() as u32, 2], &content.concat())
}

impl<'a> Run<'a> for &mut Vec<Command<'a>> {
    fn run(self, command: Command<'a>) {
        self.push(command);
    }
}

fn commands_of(buffer: &[u8], slots: usize) -> Vec<Command<'_>> {
    let (mut commands, mut found) = (Commands::checked(buffer, slots), Vec::new());
    while commands.next(&mut found) {}
    found
}

/// One of each operation; two slots are defined before.
fn all() -> Vec<Vec<u8>> {
    vec![
        string(2, b"abc"),
        request(request_flag::WAIT, 2, 0),
        request(request_flag::IDENTITY, 0, 2),
        respond(0, 1, b"okay!"),
        respond(2, 2, b"no such method"),
        publish(1),
        publish_text(b"s.1"),
        command([5, 0, 0, 0], &[1, 1024], b""),
        command([6, 0, 0, 0], &[2, 16], b""),
        command([7, 1, 0, 0], &[9, 2, 2], b"p1"),
        command([8, 0, 0, 0], &[7, 8], b""),
    ]
}

fn fault(buffer: &[u8]) -> Malformed {
    check(buffer, 2).unwrap_err()
}

#[test]
fn reads_every_operation() {
    let buffer = all().concat();
    let call = 0x0000_0002_0000_0009;
    let options = |wait| RequestOptions {
        timeout: Duration::from_millis(1500),
        wait,
        prefer: Prefer::Local,
        parts: 16,
        extensions: &[],
    };
    let content = Body { kind: 1, bytes: &[0x81, 0x01] };
    assert_eq!(check(&buffer, 2), Ok(()));
    let commands = commands_of(&buffer, 2);
    assert_eq!(
        commands,
        [
            Command::String { slot: 2, text: "abc" },
            Command::Request {
                key: 7,
                options: options(true),
                target: Target::Name(2),
                method: 0,
                content,
                extensions: &[],
            },
            Command::Request {
                key: 7,
                options: options(false),
                target: Target::Identity(0),
                method: 2,
                content,
                extensions: &[],
            },
            Command::Respond {
                call,
                result: Reply::Response(Body { kind: 1, bytes: b"okay!" }),
                extensions: &[],
            },
            Command::Respond {
                call,
                result: Reply::Error(RequestCode::NoMethod, "no such method"),
                extensions: &[],
            },
            Command::Publish {
                service: 3,
                subject: Subject::Slot(1),
                content: Body { kind: 2, bytes: b"1" },
                extensions: &[],
            },
            Command::Publish {
                service: 3,
                subject: Subject::Text("s.1"),
                content: Body { kind: 2, bytes: b"21" },
                extensions: &[],
            },
            Command::Grant { subscription: 1, reports: 1024 },
            Command::GrantWatch { watch: 2, changes: 16 },
            Command::Part { call, content: Body { kind: 1, bytes: b"p1" } },
            Command::GrantParts { key: 7, parts: 8 },
        ]
    );
}

/// One of each command that may have extension fields, with and without some.
fn extended(extensions: &[u8]) -> Vec<u8> {
    let commands = [request(0, 0, 1), respond(0, 1, b"r"), respond(1, 1, b""), respond(2, 5, b"e")];
    let mut commands = commands.to_vec();
    commands.extend([publish(1), publish_text(b"s")]);
    for bytes in &mut commands {
        let first = u32::from_ne_bytes(*bytes.first_chunk().unwrap()) | 1 << 24;
        bytes[..4].copy_from_slice(&first.to_ne_bytes());
        bytes.extend(command((extensions.len() as u32).to_le_bytes(), &[], extensions));
    }
    commands.concat()
}

#[test]
fn extension_fields_end_a_command() {
    for fields in [&b""[..], b"\x02\0\x03\0abc", b"\x02\0\0\0"] {
        let buffer = [extended(fields), publish(0)].concat();
        assert_eq!(check(&buffer, 2), Ok(()));
        let found = commands_of(&buffer, 2);
        assert_eq!(found.len(), 7);
        for (index, command) in found.iter().enumerate() {
            let (Command::Request { extensions, .. }
            | Command::Respond { extensions, .. }
            | Command::Publish { extensions, .. }) = command
            else {
                panic!("{command:?}")
            };
            assert_eq!(*extensions, if index < 6 { fields } else { b"" });
        }
        let Command::Publish { content, .. } = found[5] else { panic!("{:?}", found[5]) };
        assert_eq!(content.bytes, b"21");
        for length in buffer.len() - publish(0).len() - 4..buffer.len() - publish(0).len() {
            assert_eq!(fault(&buffer[..length]).what, "cut short");
        }
    }
}

#[test]
fn other_commands_have_no_extension_fields() {
    for op in [2, 5, 6, 7, 8] {
        let what = fault(&command([op, 0, 0, 1], &[0, 0, 0, 0, 0], b"")).what;
        assert_eq!(what, "unknown bits of a command");
    }
    assert_eq!(fault(&command([4, 0, 0, 3], &[3, 0, 0, 0], b"")).what, "unknown bits of a command");
}

#[test]
fn an_empty_buffer_holds_no_command() {
    assert_eq!(check(&[], 0), Ok(()));
    assert_eq!(commands_of(&[], 0), []);
}

#[test]
fn every_cut_is_found() {
    let whole = all();
    let ends: Vec<usize> = whole
        .iter()
        .scan(0, |at, command| {
            *at += command.len();
            Some(*at)
        })
        .collect();
    let whole = whole.concat();
    for length in 1..=whole.len() {
        assert_eq!(check(&whole[..length], 2).is_ok(), ends.contains(&length), "{length}");
    }
}

#[test]
fn no_byte_makes_it_panic_and_reading_ends() {
    let whole = all().concat();
    for at in 0..whole.len() {
        for value in [0, 1, 2, 0x7f, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            let commands = commands_of(&bytes, 2).len();
            if check(&bytes, 2).is_err() {
                assert!(commands < all().len(), "{at} {value}");
            }
        }
    }
}

#[test]
fn says_where_and_what() {
    let after = |bad: Vec<u8>| fault(&[publish(0), bad].concat());
    let malformed = |what| Malformed { at: 20, what };
    assert_eq!(after(command([10, 0, 0, 0], &[], b"")), malformed("unknown operation"));
    assert_eq!(after(command([5, 0, 0, 1], &[1, 1], b"")), malformed("unknown bits of a command"));
    assert_eq!(after(request(4, 0, 0)), malformed("unknown flags of a request"));
    assert_eq!(after(respond(3, 0, b"")), malformed("unknown status of a result"));
    assert_eq!(after(respond(2, 200, b"")), malformed("unknown request code"));
    let text = Malformed { at: 36, what: "a string is not UTF-8" };
    assert_eq!(after(respond(2, 2, &[0xff])), text);
    assert_eq!(after(publish_text(&[0xff])), text);
}

#[test]
fn a_slot_is_used_after_its_definition_only() {
    let unknown = "a slot that is not defined";
    assert_eq!(fault(&publish(2)).what, unknown);
    assert_eq!(fault(&request(0, 2, 0)).what, unknown);
    assert_eq!(fault(&request(0, 0, 2)).what, unknown);
    assert_eq!(fault(&[publish(2), string(2, b"late")].concat()).what, unknown);
    assert_eq!(check(&[string(2, b""), publish(2)].concat(), 2), Ok(()));
}

#[test]
fn slots_are_defined_in_order_again_and_within_their_number() {
    let order = "a slot out of order";
    assert_eq!(fault(&string(3, b"x")).what, order);
    assert_eq!(fault(&string(u32::MAX, b"x")).what, order);
    assert_eq!(check(&[string(2, b"x"), string(3, b"y"), string(0, b"z")].concat(), 2), Ok(()));
    let last = slots::COMMANDS - 1;
    assert_eq!(
        check(&[string(last, b"x"), string(last, b"y")].concat(), slots::COMMANDS as usize - 1),
        Ok(())
    );
    assert!(check(&string(last + 1, b"x"), slots::COMMANDS as usize).is_err());
    assert_eq!(fault(&string(2, &[0xc3])).what, "a string is not UTF-8");
}

#[test]
fn a_length_beyond_the_buffer_is_refused() {
    for length in [2, 5, u32::MAX - 3, u32::MAX] {
        let mut bytes = publish(0);
        bytes[12..16].copy_from_slice(&length.to_ne_bytes());
        assert_eq!(check(&bytes, 2).is_ok(), length == 2, "{length}");
    }
}
