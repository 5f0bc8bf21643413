// SPDX-License-Identifier: Apache-2.0
// Names as chunks of kind 10: encoded after the run by whoever found them, decoded with the rest of
// the session. Appending leaves what the recorder wrote as it is. Input is untrusted: no count is
// believed that the payload does not back. Thread-safe; allocates.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <terrace/result.h>

#include "profiler/session/named_range.h"

namespace terrace::session {

struct Session;

/// The payload of one chunk; empty when it would not fit into one.
std::string encode_names(const ObjectNames& names);

/// Nothing: lengths contradict each other, a class or way is not known, or ranges overlap or leave
/// an object of `object_bytes`. The object's own number is read first, by object_of_names.
std::optional<ObjectNames> decode_names(const std::byte* payload, std::size_t size,
                                        std::uint64_t object_bytes);
std::optional<std::uint64_t> object_of_names(const std::byte* payload, std::size_t size);

/// Adds the chunks to the file; later ones replace earlier ones of the same object. `torn_bytes`
/// (Session::bytes_ignored) are cut off first, since nothing is read behind them. Error kIo: with
/// the file as it was, as far as it could be given back.
Status append_names(const std::string& path, const std::vector<ObjectNames>& names,
                    std::uint64_t torn_bytes);

/// The same for objects of several processes.
struct ProcessNames {
  const Session* process = nullptr;  ///< null: of the process that the file ends with
  const std::vector<ObjectNames>* names = nullptr;
};
Status append_names(const std::string& path, const std::vector<ProcessNames>& processes,
                    std::uint64_t torn_bytes);

}  // namespace terrace::session
