"""HL7 v2 over MLLP: framing, reading, answering; all pure except the sockets."""
