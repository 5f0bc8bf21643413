// SPDX-License-Identifier: Apache-2.0
// The KV-cache: keys and values of many sequences in blocks of a fixed number of tokens, in pools
// on several tiers, with prefixes shared between sequences.
//
//   terrace_kv cache;                             // opened once, by terrace_kv_open()
//   terrace_sequence sequence;
//   terrace_sequence_info at = {.struct_size = sizeof at};
//   terrace_sequence_options prompt = {.struct_size = sizeof prompt, .tokens = tokens,
//                                      .token_count = n, .max_tokens = n + 512};
//   terrace_sequence_begin(cache, &prompt, &sequence, &at);    // at.tokens are there already
//   terrace_sequence_append(sequence, tokens + at.tokens, n - at.tokens);
//   for (layer...) { terrace_sequence_wait_layer(sequence, layer); ...attention, write K and V... }
//   terrace_sequence_written(sequence, n);
//
// Where a block is: base + table[i] * block_bytes + layer * layer_bytes for block i of a sequence,
// with base and block_bytes from terrace_kv_get() and table from terrace_sequence_table(). What
// lies in a layer's part is the server's own. Entries change only by calls on that sequence and by
// terrace_kv_step(): between these every address holds, and blocks stay where they are.
//
// Life of a sequence: begin, then any number of append, written, fork, truncate; pause gives its
// blocks to the cache, resume brings back what is still there; end. A block that is full and
// written is shared with whoever begins with the same tokens and salt. It is never written again.
//
// Room: a sequence that has begun or resumed never fails for want of room up to its max_tokens:
// begin, fork and resume refuse (TERRACE_NO_ROOM, TERRACE_LIMIT) what could not be kept, and change
// nothing. Blocks that no running sequence needs move to slower tiers and are dropped in the end,
// those first whose reuse is least to be expected.
//
// A call that a paused sequence cannot take, or only a paused one can, is TERRACE_BUSY.
//
// What terrace.h says of statuses, handles, structs, threads and fork holds. Calls on one sequence
// wait for each other; calls on different ones run side by side.
#pragma once

#include <terrace/terrace.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A cache of keys and values, and a sequence of tokens in one: handles, of which id 0 is none.
typedef struct terrace_kv {
  uint64_t id;
} terrace_kv;
typedef struct terrace_sequence {
  uint64_t id;
} terrace_sequence;
/// A token as the model numbers it; the cache only compares them.
typedef int32_t terrace_token;

// Cache -----------------------------------------------------------------------------------------

/// What terrace_kv_open() takes: the shape of a block, and how many each tier holds.
typedef struct terrace_kv_options {
  uint32_t struct_size;
  uint32_t block_tokens;     ///< 1 to 4096
  uint32_t layers;           ///< 1 to 4096: parts of a block, in the order in which they are read
  uint32_t tier_count;       ///< of the two arrays; 0: `blocks` of the fastest tier
  uint64_t layer_bytes;      ///< of one layer's keys and values in a block: a multiple of 64
  const char* const* tiers;  ///< names, fastest first
  const uint64_t* tier_blocks;  ///< for each of them, not 0
  uint64_t blocks;              ///< when tier_count is 0
  const char* name;             ///< of its tensors; NULL: "kv"
  const char* policy;           ///< NULL: "terrace"; or "lru", "slru", "s3fifo", "fifo"
  uint32_t max_sequences;       ///< running at once; 0: 4096
  uint32_t reserved;
  /// File or DAX path of the pool that keeps prefixes over restarts; NULL: none. Made if missing.
  const char* store_path;
  uint64_t store_bytes;  ///< of a pool that is made
  /// What the contents depend on: model, weights, quantisation of K and V. A store of another
  /// identity or shape is refused (TERRACE_CORRUPT), not read.
  uint64_t identity;
  /// What a block costs to compute again grows with the blocks before it, since its tokens attend
  /// to them: each adds so many millionths of a first block's cost, which is about 1000000 x 2 x
  /// layers x heads x head_dim x block_tokens / parameters. Policy "terrace" keeps by expected
  /// reuse times this cost. 0: every block costs the same; 1000000000 at most.
  uint64_t recompute_growth_ppm;
} terrace_kv_options;

/// Allocates the pools, all of them now. Errors: TERRACE_BAD_ARGUMENT; TERRACE_NO_ROOM when a tier
/// has not so many blocks; TERRACE_CORRUPT, TERRACE_IO for the store, whose path the text names.
TERRACE_API terrace_status terrace_kv_open(terrace_context context,
                                           const terrace_kv_options* options, terrace_kv* cache);
/// Ends all its sequences and gives the memory back, when calls that are in it have returned. With
/// a store: what is cached is written first, as far as the store has room, for 5 s and a last piece
/// of 64 MiB at most.
TERRACE_API terrace_status terrace_kv_close(terrace_kv cache);

/// A cache as it is now, and what it has counted since it was opened.
typedef struct terrace_kv_info {
  uint32_t struct_size;
  uint32_t tier_count;
  void* base;            ///< address of block 0; blocks that no table names may not be mapped
  uint64_t block_bytes;  ///< layers x layer_bytes
  uint64_t tier_blocks[TERRACE_MAX_TIERS];    ///< by the order given to terrace_kv_open()
  uint64_t used_blocks[TERRACE_MAX_TIERS];    ///< of running sequences, a few ahead of their tokens
  uint64_t cached_blocks[TERRACE_MAX_TIERS];  ///< of nobody, kept for whoever comes
  uint64_t promised_blocks;                   ///< that running sequences may yet ask for
  uint64_t stored_blocks;                     ///< in the store
  uint64_t store_capacity_blocks;
  uint64_t restoring;  ///< 1: the store is still being verified
  uint64_t sequences;  ///< running
  uint64_t paused_sequences;
  // Since it was opened:
  uint64_t looked_up_blocks;               ///< full blocks of prompts and resumed sequences
  uint64_t hit_blocks[TERRACE_MAX_TIERS];  ///< of those, found on each tier
  uint64_t store_hit_blocks;               ///< found in the store alone
  uint64_t evicted_blocks;                 ///< dropped from the slowest tier
  uint64_t demoted_blocks;                 ///< to a slower tier
  uint64_t promoted_blocks;                ///< to a faster one
  uint64_t spilled_blocks;                 ///< new ones that found the fastest tier full
  uint64_t copied_blocks;                  ///< by append, of a shared block
  uint64_t refused_sequences;              ///< for want of room or by a limit
  uint64_t lost_blocks;                    ///< by terrace_kv_lose()
  uint64_t corrupt_blocks;                 ///< of the store, found out by their checksum
  uint64_t waited_ns;                      ///< in terrace_sequence_wait_layer()
  uint64_t prefetch_ns;                    ///< that copies for resumed sequences took
  uint64_t kept_blocks;                    ///< written to the store
  uint64_t store_failed;  ///< 1: its storage failed; nothing more is kept, all else goes on
} terrace_kv_info;

/// Fills *info. Walks all blocks: for a status, not for each step.
TERRACE_API terrace_status terrace_kv_get(terrace_kv cache, terrace_kv_info* info);

/// Blocks that the tenant's running sequences may use or be promised together; UINT64_MAX: no
/// limit, as in the beginning. Sequences that run already stay. Tenants are any numbers; once
/// 65,536 of them are known, the limit of another one is not kept. A shared block counts for each.
TERRACE_API terrace_status terrace_kv_set_limit(terrace_kv cache, uint32_t tenant, uint64_t blocks);

/// How many of the tokens a sequence would begin with. Changes nothing, not even what is thought
/// likely to be used again.
TERRACE_API terrace_status terrace_kv_match(terrace_kv cache, const terrace_token* tokens,
                                            uint64_t count, uint64_t salt, uint64_t* matched);

/// Between two steps: nobody reads or writes blocks just now, and tables are read anew after this.
/// Blocks of running sequences whose copies on a better tier are ready change places. To call it is
/// worth while wherever running sequences have blocks on slower tiers. Some microseconds, and no
/// copying.
TERRACE_API terrace_status terrace_kv_step(terrace_kv cache);

/// The block at this address (any in it) is damaged, as by a memory error: its slot is not used
/// again, and neither it nor what is cached behind it is shared any more. Sequences that hold it
/// are told by `lost_from` in their info; truncate them there and compute the rest again, which is
/// shared as any other. Walks all blocks. TERRACE_BAD_ARGUMENT: no block of the cache.
TERRACE_API terrace_status terrace_kv_lose(terrace_kv cache, const void* address);

// Sequences -------------------------------------------------------------------------------------

/// Bits of terrace_sequence_options.flags.
enum {
  TERRACE_SEQUENCE_PRIVATE = 1  ///< its blocks are shared with none but its forks
};

/// What terrace_sequence_begin() takes.
typedef struct terrace_sequence_options {
  uint32_t struct_size;
  uint32_t flags;               ///< TERRACE_SEQUENCE_...
  const terrace_token* tokens;  ///< the prompt; NULL when token_count is 0
  uint64_t token_count;
  uint64_t max_tokens;  ///< that it can grow to, at least token_count and 1: promised to it
  uint64_t salt;        ///< equal tokens of different salts are different: adapter, image, ...
  uint32_t tenant;
  int32_t priority;  ///< of bringing its blocks to the fastest tier; higher ones first
} terrace_sequence_options;

/// terrace_sequence_info.lost_from when no block is lost.
#define TERRACE_NOTHING_LOST UINT64_MAX

/// A sequence as it is now.
typedef struct terrace_sequence_info {
  uint32_t struct_size;
  uint32_t paused;          ///< 1
  uint64_t tokens;          ///< that it has: matched at begin or resume, and appended since
  uint64_t written_tokens;  ///< of those, told by terrace_sequence_written() or found
  uint64_t max_tokens;
  uint64_t matched_tokens;  ///< by the last begin or resume
  uint64_t lost_from;       ///< first token of the first lost block; TERRACE_NOTHING_LOST
  uint32_t ready_layers;    ///< whose blocks have arrived; all of them: nothing is under way
  uint32_t tenant;
  uint64_t blocks;                          ///< of its tokens
  uint64_t shared_blocks;                   ///< of those, with other running sequences
  uint64_t tier_blocks[TERRACE_MAX_TIERS];  ///< of those, by tier
} terrace_sequence_info;

/// Begins a sequence with the longest prefix of `tokens` that is cached, by whole blocks, one token
/// at least being left to compute. Its blocks are where they will be read. Those of a slower tier
/// for which a faster one has a free place, and those of the store, arrive by layers, see
/// terrace_sequence_wait_layer(); no room is made for others, which are read where they lie, at
/// that tier's speed, until terrace_kv_step() has brought them over. What the store has is read and
/// verified before this returns; one with a wrong checksum ends the prefix, and is dropped. `info`
/// may be NULL. Errors: TERRACE_NO_ROOM: max_tokens could not be kept beside the running sequences;
/// TERRACE_LIMIT: the tenant's, or max_sequences.
TERRACE_API terrace_status terrace_sequence_begin(terrace_kv cache,
                                                  const terrace_sequence_options* options,
                                                  terrace_sequence* sequence,
                                                  terrace_sequence_info* info);
/// Room for the K and V of these tokens behind those that there are: blocks are added to the table.
/// A last block that others share is copied first, and its entry changes. TERRACE_BAD_ARGUMENT:
/// beyond max_tokens. TERRACE_NO_ROOM: memory errors took places that were promised. The sequence
/// is as it was then.
TERRACE_API terrace_status terrace_sequence_append(terrace_sequence sequence,
                                                   const terrace_token* tokens, uint64_t count);
/// The K and V of the sequence's first `tokens` tokens are written, in all layers. Blocks that are
/// full by that can be shared, and are not written any more. Never less than before. A block that
/// equals a cached one gives way to it: its entry changes, and terrace_sequence_wait_layer() counts
/// again.
TERRACE_API terrace_status terrace_sequence_written(terrace_sequence sequence, uint64_t tokens);
/// Its entries, one a block. The address stays until the sequence pauses or ends; entries up to
/// `count` are set. May be asked once and read at each step.
TERRACE_API terrace_status terrace_sequence_table(terrace_sequence sequence, const uint32_t** table,
                                                  uint64_t* count);
/// Until this layer's part has arrived in all the sequence's blocks. Returns at once when nothing
/// is under way. TERRACE_BAD_ARGUMENT: a block has not so many layers.
TERRACE_API terrace_status terrace_sequence_wait_layer(terrace_sequence sequence, uint32_t layer);
/// A second sequence with the same written tokens, whose blocks both share. TERRACE_BUSY: tokens
/// were appended and are not written. Errors as terrace_sequence_begin().
TERRACE_API terrace_status terrace_sequence_fork(terrace_sequence sequence, uint64_t max_tokens,
                                                 terrace_sequence* fork);
/// Takes the tokens from `tokens` on away, and what was lost there. TERRACE_NO_ROOM: the blocks
/// stay with others that share them, and so many of its own could not be kept for it.
TERRACE_API terrace_status terrace_sequence_truncate(terrace_sequence sequence, uint64_t tokens);
/// Its user is waited for: its blocks may move to slower tiers, and may be dropped when nothing
/// else is left to drop. What is not written is taken away.
TERRACE_API terrace_status terrace_sequence_pause(terrace_sequence sequence);
/// Goes on with what is left: info->tokens of the tokens it had, the others are to be appended and
/// computed again. What lies on slower tiers arrives, or is read there, as with
/// terrace_sequence_begin(): room is made by a prefetch alone. Errors as
/// terrace_sequence_begin(); it stays paused then.
TERRACE_API terrace_status terrace_sequence_resume(terrace_sequence sequence,
                                                   terrace_sequence_info* info);
/// A paused sequence will be resumed soon: what has left the fastest tier is brought there. What
/// finds no room comes when demotions have made some, up to half of that tier for all that wait.
TERRACE_API terrace_status terrace_sequence_prefetch(terrace_sequence sequence);
/// Its written blocks stay in the cache for others.
TERRACE_API terrace_status terrace_sequence_end(terrace_sequence sequence);
/// Fills *info, of a running or a paused one. Walks the sequence's blocks.
TERRACE_API terrace_status terrace_sequence_get(terrace_sequence sequence,
                                                terrace_sequence_info* info);

#ifdef __cplusplus
}
#endif
