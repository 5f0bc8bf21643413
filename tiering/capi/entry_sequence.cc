// SPDX-License-Identifier: Apache-2.0
// The C API's functions on sequences of a KV-cache: checks, and one call each.
#include <algorithm>
#include <utility>

#include "tiering/capi/entry.h"

namespace terrace::capi {
namespace {

terrace_sequence_info info_of(const KvSequence& sequence) {
  const kv::SequenceFacts facts = sequence.kv->cache->facts(*sequence.sequence);
  terrace_sequence_info info{};
  info.paused = facts.paused ? 1 : 0;
  info.tokens = facts.tokens;
  info.written_tokens = facts.written_tokens;
  info.max_tokens = facts.max_tokens;
  info.matched_tokens = facts.matched_tokens;
  info.lost_from = facts.lost_from;
  info.ready_layers = facts.ready_layers;
  info.tenant = facts.tenant;
  info.blocks = facts.blocks;
  info.shared_blocks = facts.shared_blocks;
  std::copy(facts.tier_blocks.begin(), facts.tier_blocks.end(), info.tier_blocks);
  return info;
}

/// Before anything is done, so that a wrong size changes nothing.
terrace_status check_info(const terrace_sequence_info* info) {
  if (info == nullptr) return TERRACE_OK;
  return check_size<terrace_sequence_info>(info->struct_size, "terrace_sequence_info");
}

terrace_status tell(const KvSequence& sequence, terrace_sequence_info* info) {
  return info == nullptr ? TERRACE_OK
                         : write_struct(info_of(sequence), "terrace_sequence_info", info);
}

terrace_status read_options(const terrace_sequence_options& known, kv::SequenceOptions& options) {
  constexpr std::uint32_t kKnownFlags = TERRACE_SEQUENCE_PRIVATE;
  if ((known.flags & ~kKnownFlags) != 0) {
    return fail(TERRACE_BAD_ARGUMENT, "terrace_sequence_options.flags has an unknown bit: %#x",
                known.flags);
  }
  if (known.tokens == nullptr && known.token_count != 0) {
    return fail_null("terrace_sequence_options.tokens");
  }
  options.tokens = {known.tokens, known.token_count};
  options.max_tokens = known.max_tokens;
  options.salt = known.salt;
  options.tenant = known.tenant;
  options.priority = known.priority;
  options.shared = (known.flags & TERRACE_SEQUENCE_PRIVATE) == 0;
  return TERRACE_OK;
}

/// A begun sequence gets its handle, or is taken back.
template <typename TakeBack>
terrace_status hand_out(Context& context, const KvRef& cache, const kv::SequenceRef& sequence,
                        terrace_sequence* handle, TakeBack take_back) {
  std::uint64_t number = 0;
  terrace_status done = TERRACE_NO_MEMORY;
  try {
    done = context.name_sequence(cache, sequence, number);
  } catch (...) {
    take_back();
    throw;
  }
  if (done == TERRACE_OK) {
    handle->id = number;
  } else {
    take_back();
  }
  return done;
}

/// One call of the cache on a sequence.
template <typename Call>
terrace_status on(terrace_sequence handle, Call call) {
  return with(handle, [&](Context&, const KvSequenceRef& inside) -> terrace_status {
    return status_of(call(*inside->kv->cache, *inside->sequence));
  });
}

}  // namespace
}  // namespace terrace::capi

using namespace terrace::capi;  // NOLINT(google-build-using-namespace): their C face

terrace_status terrace_sequence_begin(terrace_kv cache, const terrace_sequence_options* options,
                                      terrace_sequence* sequence, terrace_sequence_info* info) {
  return with(cache, [&](Context& context, const KvRef& inside) -> terrace_status {
    if (sequence == nullptr) return fail_null("terrace_sequence_begin: sequence");
    terrace_sequence_options known{};
    terrace::kv::SequenceOptions wanted;
    terrace_status done = read_struct(options, "terrace_sequence_options", known);
    if (done == TERRACE_OK) done = check_info(info);
    if (done == TERRACE_OK) done = read_options(known, wanted);
    if (done != TERRACE_OK) return done;
    terrace::kv::SequenceRef begun;
    done = status_of(inside->cache->begin(wanted, begun));
    if (done == TERRACE_OK) {
      done = hand_out(context, inside, begun, sequence, [&] { (void)inside->cache->end(*begun); });
    }
    return done == TERRACE_OK ? tell({inside, begun}, info) : done;
  });
}

terrace_status terrace_sequence_append(terrace_sequence sequence, const terrace_token* tokens,
                                       uint64_t count) {
  if (tokens == nullptr && count != 0) return fail_null("terrace_sequence_append: tokens");
  return on(sequence, [&](terrace::kv::Cache& cache, terrace::kv::Sequence& inside) {
    return cache.append(inside, {tokens, count});
  });
}

terrace_status terrace_sequence_written(terrace_sequence sequence, uint64_t tokens) {
  return on(sequence, [&](terrace::kv::Cache& cache, terrace::kv::Sequence& inside) {
    return cache.written(inside, tokens);
  });
}

terrace_status terrace_sequence_table(terrace_sequence sequence, const uint32_t** table,
                                      uint64_t* count) {
  return with(sequence, [&](Context&, const KvSequenceRef& inside) -> terrace_status {
    if (table == nullptr || count == nullptr) {
      return fail_null("terrace_sequence_table: table or count");
    }
    terrace::kv::Table found;
    const terrace_status done = status_of(inside->kv->cache->table(*inside->sequence, found));
    if (done != TERRACE_OK) return done;
    *table = found.entries;
    *count = found.count;
    return TERRACE_OK;
  });
}

terrace_status terrace_sequence_wait_layer(terrace_sequence sequence, uint32_t layer) {
  return on(sequence, [&](terrace::kv::Cache& cache, terrace::kv::Sequence& inside) {
    return cache.wait_layer(inside, layer);
  });
}

terrace_status terrace_sequence_fork(terrace_sequence sequence, uint64_t max_tokens,
                                     terrace_sequence* fork) {
  return with(sequence, [&](Context& context, const KvSequenceRef& inside) -> terrace_status {
    if (fork == nullptr) return fail_null("terrace_sequence_fork: fork");
    terrace::kv::SequenceRef made;
    const terrace_status done =
        status_of(inside->kv->cache->fork(*inside->sequence, max_tokens, made));
    if (done != TERRACE_OK) return done;
    return hand_out(context, inside->kv, made, fork,
                    [&] { inside->kv->cache->take_back(*inside->sequence, *made); });
  });
}

terrace_status terrace_sequence_truncate(terrace_sequence sequence, uint64_t tokens) {
  return on(sequence, [&](terrace::kv::Cache& cache, terrace::kv::Sequence& inside) {
    return cache.truncate(inside, tokens);
  });
}

terrace_status terrace_sequence_pause(terrace_sequence sequence) {
  return on(sequence, [](terrace::kv::Cache& cache, terrace::kv::Sequence& inside) {
    return cache.pause(inside);
  });
}

terrace_status terrace_sequence_resume(terrace_sequence sequence, terrace_sequence_info* info) {
  return with(sequence, [&](Context&, const KvSequenceRef& inside) -> terrace_status {
    terrace_status done = check_info(info);
    if (done == TERRACE_OK) done = status_of(inside->kv->cache->resume(*inside->sequence));
    return done == TERRACE_OK ? tell(*inside, info) : done;
  });
}

terrace_status terrace_sequence_prefetch(terrace_sequence sequence) {
  return on(sequence, [](terrace::kv::Cache& cache, terrace::kv::Sequence& inside) {
    return cache.prefetch(inside);
  });
}

terrace_status terrace_sequence_end(terrace_sequence sequence) {
  return in_context(sequence, [&](Context& inside) { return inside.end_sequence(sequence.id); });
}

terrace_status terrace_sequence_get(terrace_sequence sequence, terrace_sequence_info* info) {
  return with(sequence, [&](Context&, const KvSequenceRef& inside) -> terrace_status {
    if (info == nullptr) return fail_null("terrace_sequence_get: info");
    return tell(*inside, info);
  });
}
