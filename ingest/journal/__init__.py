"""The journal: raw messages made durable before the broker hears that they arrived."""

from ingest.journal.cursor import Cursor, Position
from ingest.journal.lock import FolderLock
from ingest.journal.reader import Backlog, Chunk, JournalReader, backlog_of
from ingest.journal.records import MAX_PAYLOAD_BYTES, Arrival, Damage, Message
from ingest.journal.writer import JournalBlockedError, JournalWriter

__all__ = [
    "MAX_PAYLOAD_BYTES",
    "Arrival",
    "Backlog",
    "Chunk",
    "Cursor",
    "Damage",
    "FolderLock",
    "JournalBlockedError",
    "JournalReader",
    "JournalWriter",
    "Message",
    "Position",
    "backlog_of",
]
