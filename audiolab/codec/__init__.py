"""The EnCodec neural codec: model, tokens, streams, files."""
