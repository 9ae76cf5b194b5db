//! Header frames that are larger than a frame may be.
//!
//! A publisher may give a message headers that only just fit into a frame. RabbitMQ adds its own, `x-delivery-count`
//! when it delivers the message again and `x-death` when it dead-letters it. It never splits a header frame, so it
//! then sends one that is larger than what was negotiated. lapin answers that by closing the connection, and would do
//! so at every delivery: such a message would stop its stage, and later everything that reads its dead-letter queue.
//!
//! So between the socket and lapin ([`crate::connection::wire`]), such a frame is replaced by one that has only the headers that
//! Bilag reads. Those of others are not passed on anyway, and the body has frames of its own.

use bytes::{Bytes, BytesMut};
use lapin::BasicProperties;
use lapin::protocol::basic::{gen_properties, parse_properties};
use lapin::protocol::constants::{FRAME_END, FRAME_HEADER, FRAME_METHOD, FRAME_MIN_SIZE};
use lapin::types::{AMQPValue, FieldArray, FieldTable, ShortString};

use crate::message::header::{Headers, cut, names, number, text};
use crate::message::last_death;

/// Everything before a frame's payload: its type, channel and size.
const HEAD: usize = 7;
/// The payload of `connection.tune`, and how it begins: the numbers of its class and method.
const TUNE_SIZE: usize = 12;
const TUNE: [u8; 4] = [0, 10, 0, 30];
/// What comes before the properties in a header frame: class, weight and the size of the body.
const BEFORE_PROPERTIES: usize = 12;

/// What the broker sends, frame by frame.
pub(crate) struct Frames {
    /// The largest frame that lapin takes.
    frame_max: usize,
    /// Read from the broker, and not looked at yet.
    pub(crate) incoming: BytesMut,
    /// How much is still to come of a frame that stays as it is.
    rest: usize,
}

impl Frames {
    /// `frame_max` is ours, 0 where we have none; the broker's is in what it sends.
    pub(crate) fn new(frame_max: u32) -> Self {
        let mut frames = Self { frame_max: usize::MAX, incoming: BytesMut::new(), rest: 0 };
        frames.agree(frame_max);
        frames
    }

    /// The smaller one holds, as lapin reckons.
    fn agree(&mut self, frame_max: u32) {
        if frame_max > 0 {
            self.frame_max = self.frame_max.min(frame_max.max(FRAME_MIN_SIZE) as usize);
        }
    }

    /// What may be handed on of what has come; nothing where more must come first.
    pub(crate) fn take(&mut self) -> Bytes {
        let mut seen = 0;
        loop {
            let here = &self.incoming[seen..];
            if self.rest > 0 && !here.is_empty() {
                let stays = self.rest.min(here.len());
                self.rest -= stays;
                seen += stays;
                continue;
            }
            let Some(&[kind, _, _, a, b, c, d]) = here.first_chunk::<HEAD>() else { break };
            let size = u32::from_be_bytes([a, b, c, d]) as usize;
            let whole = HEAD + size + 1;
            if kind == FRAME_HEADER && whole > self.frame_max {
                // What is before it goes first.
                if seen > 0 || here.len() < whole {
                    break;
                }
                let frame = self.incoming.split_to(whole).freeze();
                return shortened(&frame, self.frame_max).unwrap_or(frame);
            }
            if kind == FRAME_METHOD && size == TUNE_SIZE {
                if here.len() < whole {
                    break;
                }
                if let Some(&[a, b, c, d]) =
                    here[HEAD..].strip_prefix(&TUNE).and_then(|tuned| tuned[2..].first_chunk())
                {
                    self.agree(u32::from_be_bytes([a, b, c, d]));
                }
            }
            self.rest = whole;
        }
        self.incoming.split_to(seen).freeze()
    }
}

/// The same frame with only the headers that Bilag reads; `None` where it cannot be read.
fn shortened(frame: &[u8], frame_max: usize) -> Option<Bytes> {
    let (head, payload) = frame.split_at_checked(HEAD)?;
    let (before, properties) = payload.strip_suffix(&[FRAME_END])?.split_at_checked(BEFORE_PROPERTIES)?;
    let (_, properties) = parse_properties(properties).ok()?;
    let headers = properties.headers().clone()?;
    let room = frame_max - HEAD - BEFORE_PROPERTIES - 1;
    let mut kept = FieldTable::default();
    let mut encoded = encode(&properties, &kept)?;
    for (name, value) in read_by_bilag(&headers) {
        let mut more = kept.clone();
        more.insert(name, value);
        let with_it = encode(&properties, &more)?;
        if with_it.len() <= room {
            (kept, encoded) = (more, with_it);
        }
    }
    tell(&properties, &headers, &kept, frame.len(), frame_max);
    let size = u32::try_from(BEFORE_PROPERTIES + encoded.len()).ok()?;
    Some([&head[..3], &size.to_be_bytes(), before, &encoded, &[FRAME_END]].concat().into())
}

fn encode(properties: &BasicProperties, headers: &FieldTable) -> Option<Vec<u8>> {
    let properties = properties.clone().with_headers(headers.clone());
    Some(gen_properties(&properties)(Vec::new().into()).ok()?.into_inner().0)
}

fn tell(properties: &BasicProperties, all: &FieldTable, kept: &FieldTable, bytes: usize, frame_max: usize) {
    let left_out = all.inner().keys().filter(|name| !kept.contains_key(name.as_str()));
    let left_out: Vec<_> = left_out.map(ShortString::as_str).collect();
    tracing::warn!(
        message_id = properties.message_id().as_ref().map(ShortString::as_str),
        bytes,
        frame_max,
        left_out = cut(left_out.join(", "), 200),
        "a message's headers do not fit into a frame; read without those that Bilag has no use for"
    );
}

/// The headers that Bilag reads, each far smaller than a frame.
fn read_by_bilag(headers: &FieldTable) -> Vec<(ShortString, AMQPValue)> {
    let mut read = Vec::new();
    if let Some(death) = last_death(headers) {
        let mut deaths = FieldArray::default();
        deaths.push(AMQPValue::FieldTable(bounded(death)));
        read.push(("x-death".into(), AMQPValue::FieldArray(deaths)));
    }
    for counted in ["x-delivery-count", names::DELIVERED_IN_VAIN] {
        if let Some(count) = number(headers, counted) {
            read.push((counted.into(), AMQPValue::LongLongInt(count)));
        }
    }
    let ours = Headers::kept(headers).to_table();
    read.extend(ours.into_iter().map(|(name, value)| (name.clone(), value.clone())));
    read
}

/// A death without the list of all its routing keys, which is as long as the publisher's `CC`.
fn bounded(death: &FieldTable) -> FieldTable {
    const LONGEST_NAME: usize = 255;
    let mut bounded = FieldTable::default();
    for name in ["queue", "exchange", "reason"] {
        if let Some(text) = text(death, name) {
            let text = cut(text, LONGEST_NAME).into_bytes();
            bounded.insert(name.into(), AMQPValue::LongString(text.into()));
        }
    }
    if let Some(time @ AMQPValue::Timestamp(_)) = death.inner().get("time") {
        bounded.insert("time".into(), time.clone());
    }
    bounded
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME_MAX: u32 = 8 * 1024;

    fn long(text: &str) -> AMQPValue {
        AMQPValue::LongString(text.into())
    }

    fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
        let size = u32::try_from(payload.len()).expect("a small frame");
        [&[kind][..], &channel.to_be_bytes(), &size.to_be_bytes(), payload, &[FRAME_END]].concat()
    }

    fn tune(frame_max: u32) -> Vec<u8> {
        frame(FRAME_METHOD, 0, &[&TUNE[..], &[7, 255], &frame_max.to_be_bytes(), &[0, 60]].concat())
    }

    fn header(headers: FieldTable) -> Vec<u8> {
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_message_id("m-1".into());
        let properties = encode(&properties, &headers).expect("encoded");
        frame(FRAME_HEADER, 1, &[&[0, 60, 0, 0][..], &77_u64.to_be_bytes(), &properties].concat())
    }

    fn properties(frame: &[u8]) -> BasicProperties {
        assert_eq!(frame[HEAD..][..BEFORE_PROPERTIES], [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 77]);
        parse_properties(&frame[HEAD + BEFORE_PROPERTIES..]).expect("properties").1
    }

    /// A message of which the broker tells more than fits.
    fn oversized() -> FieldTable {
        let mut death = FieldTable::default();
        death.insert("queue".into(), long("bilag.receipt"));
        death.insert("exchange".into(), long("events"));
        death.insert("reason".into(), long("delivery_limit"));
        death.insert("time".into(), AMQPValue::Timestamp(1_700_000_000));
        let mut keys = FieldArray::default();
        (0..1_000).for_each(|_| keys.push(long("one of its routing keys")));
        death.insert("routing-keys".into(), AMQPValue::FieldArray(keys));
        let mut deaths = FieldArray::default();
        deaths.push(AMQPValue::FieldTable(death));
        let mut headers = FieldTable::default();
        headers.insert("x-death".into(), AMQPValue::FieldArray(deaths));
        headers.insert("x-delivery-count".into(), AMQPValue::LongLongInt(3));
        headers.insert("x-bilag-tenant".into(), long(&"7".repeat(100_000)));
        headers.insert("junk".into(), long(&"x".repeat(100_000)));
        headers
    }

    /// What is handed on of a stream that comes in pieces.
    fn handed_on(frame_max: u32, stream: &[u8], piece: usize) -> Vec<u8> {
        let mut frames = Frames::new(frame_max);
        let mut all = Vec::new();
        for piece in stream.chunks(piece) {
            frames.incoming.extend_from_slice(piece);
            loop {
                let some = frames.take();
                if some.is_empty() {
                    break;
                }
                all.extend_from_slice(&some);
            }
        }
        all
    }

    #[test]
    fn replaces_only_oversized_header_frames() {
        let mut fits = FieldTable::default();
        fits.insert("junk".into(), long(&"x".repeat(8_000)));
        let (deliver, body) = (frame(FRAME_METHOD, 1, &[0, 60, 0, 60, 9]), frame(3, 1, &[206; 9_000]));
        let before = [tune(FRAME_MAX), deliver.clone(), header(fits), body.clone(), deliver].concat();
        let after = [body, frame(8, 0, &[])].concat();
        let stream = [&before[..], &header(oversized()), &after].concat();
        for piece in [1, 2, 7, 8, 1_000, stream.len()] {
            let all = handed_on(128 * 1024, &stream, piece);
            assert!(all.starts_with(&before) && all.ends_with(&after), "in pieces of {piece}");
            let replaced = &all[before.len()..all.len() - after.len()];
            assert!(replaced.len() <= FRAME_MAX as usize, "{} bytes", replaced.len());
            let properties = properties(replaced);
            assert_eq!(properties.message_id().as_ref().map(ShortString::as_str), Some("m-1"));
        }
    }

    #[test]
    fn keeps_and_bounds_the_headers_it_reads() {
        let frame = shortened(&header(oversized()), FRAME_MAX as usize).expect("it can be read");
        let headers = properties(&frame).headers().clone().expect("headers");
        let left: Vec<_> = headers.inner().keys().map(ShortString::as_str).collect();
        assert_eq!(left, ["x-bilag-tenant", "x-death", "x-delivery-count"]);
        assert_eq!(number(&headers, "x-delivery-count"), Some(3));
        let death = last_death(&headers).expect("a death");
        assert_eq!(text(death, "queue").as_deref(), Some("bilag.receipt"));
        assert_eq!(text(death, "exchange").as_deref(), Some("events"));
        assert_eq!(text(death, "reason").as_deref(), Some("delivery_limit"));
        assert_eq!(death.inner().get("time"), Some(&AMQPValue::Timestamp(1_700_000_000)));
        assert!(!death.contains_key("routing-keys"));
    }

    #[test]
    fn takes_the_smaller_frame_limit() {
        for (ours, theirs, held) in
            [(0, 0, usize::MAX), (0, 9_000, 9_000), (9_000, 10_000, 9_000), (9_000, 100, 8_192)]
        {
            let mut frames = Frames::new(ours);
            frames.incoming.extend_from_slice(&tune(theirs));
            frames.take();
            assert_eq!(frames.frame_max, held, "{ours} and {theirs}");
        }
    }

    #[test]
    fn leaves_unreadable_frames_alone() {
        let broken = frame(FRAME_HEADER, 1, &[255; 10_000]);
        assert_eq!(handed_on(FRAME_MAX, &broken, 1_000), broken);
    }
}
