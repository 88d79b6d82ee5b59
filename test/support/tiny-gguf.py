"""Writes a llama of random weights: real inference at thousands of tokens a second, and no sense in it.

Usage: tiny-gguf.py FILE. The same seed gives the same weights. Tokens are single bytes and printable characters, so that
any text can be read, and a grammar can make it write any text.
"""

import sys

import gguf
import numpy as np

# One block with one head: with two and four, a prompt of 6,000 tokens takes seven times as long.
EMBEDDING, BLOCKS, FEED_FORWARD, HEADS, CONTEXT = 64, 1, 128, 1, 65_536

rng = np.random.default_rng(20_250_101)
printable = [chr(code) for code in range(32, 127)]
tokens = [b"<unk>", b"<s>", b"</s>"] + [f"<0x{byte:02X}>".encode() for byte in range(256)]
kinds = [gguf.TokenType.UNKNOWN] + [gguf.TokenType.CONTROL] * 2 + [gguf.TokenType.BYTE] * 256
# The tokenizer writes a blank as U+2581.
tokens += [("\u2581" if char == " " else char).encode() for char in printable]
kinds += [gguf.TokenType.NORMAL] * len(printable)


def weights(*shape: int) -> np.ndarray:
    return rng.normal(0, 0.05, shape).astype(np.float32)


writer = gguf.GGUFWriter(sys.argv[1], "llama")
writer.add_name("tiny")
writer.add_context_length(CONTEXT)
writer.add_embedding_length(EMBEDDING)
writer.add_block_count(BLOCKS)
writer.add_feed_forward_length(FEED_FORWARD)
writer.add_head_count(HEADS)
writer.add_head_count_kv(HEADS)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_rope_dimension_count(EMBEDDING // HEADS)
writer.add_vocab_size(len(tokens))
writer.add_tokenizer_model("llama")
writer.add_token_list(tokens)
writer.add_token_scores([0.0] * len(tokens))
writer.add_token_types(kinds)
writer.add_unk_token_id(0)
writer.add_bos_token_id(1)
writer.add_eos_token_id(2)
writer.add_tensor("token_embd.weight", weights(len(tokens), EMBEDDING))
writer.add_tensor("output_norm.weight", np.ones(EMBEDDING, np.float32))
writer.add_tensor("output.weight", weights(len(tokens), EMBEDDING))
for block in range(BLOCKS):
    name = f"blk.{block}."
    writer.add_tensor(name + "attn_norm.weight", np.ones(EMBEDDING, np.float32))
    writer.add_tensor(name + "ffn_norm.weight", np.ones(EMBEDDING, np.float32))
    for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
        writer.add_tensor(f"{name}{part}.weight", weights(EMBEDDING, EMBEDDING))
    writer.add_tensor(name + "ffn_gate.weight", weights(FEED_FORWARD, EMBEDDING))
    writer.add_tensor(name + "ffn_up.weight", weights(FEED_FORWARD, EMBEDDING))
    writer.add_tensor(name + "ffn_down.weight", weights(EMBEDDING, FEED_FORWARD))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
