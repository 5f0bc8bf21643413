// SPDX-License-Identifier: Apache-2.0
// Reads request traces line by line: Mooncake's JSON lines and Azure's CSV. First stage of
// trace_workload.h. Input is untrusted: every error names the line. Formats:
//  - Mooncake (R. Qin et al., FAST 2025; github.com/kvcache-ai/Mooncake): an object a line with
//    timestamp (ms), input_length and output_length (tokens), and hash_ids: for each block of 512
//    tokens of the input a number that names all tokens up to its end. Read on request.
//  - Azure LLM inference 2023 (P. Patel et al., ISCA 2024; github.com/Azure/AzurePublicDataset):
//    a line TIMESTAMP,ContextTokens,GeneratedTokens, then one request a line.
// Not thread-safe; allocates. One line is held at a time.
#pragma once

#include <cstdint>
#include <fstream>
#include <istream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <terrace/result.h>

namespace terrace::simulate {

enum class TraceFormat : std::uint8_t { kMooncake = 0, kAzure = 1 };

struct Request {
  std::uint32_t context_tokens = 0;
  std::uint32_t generated_tokens = 0;
  std::vector<std::uint64_t> prefix_blocks = {};  ///< chain hashes, when they were asked for
};

/// Whether a reader takes the blocks' hashes too.
enum class PrefixBlocks : std::uint8_t {
  kLeftOut = 0,
  kRead = 1,  ///< Mooncake: hash_ids must be there. Azure's format has none: empty
};

/// A longer context or answer than this is a broken line, not a request.
inline constexpr std::uint32_t kMostTokens = 100'000'000;
inline constexpr std::size_t kLongestLine = std::size_t{16} << 20;

/// By the file's name: .jsonl and .csv. Nothing for another one.
std::optional<TraceFormat> trace_format_of(std::string_view path);

/// One line without its newline. `place` is "FILE:LINE". Error kUsage with the place and what was
/// expected there.
Result<Request> parse_request(TraceFormat format, std::string_view line, const std::string& place,
                              PrefixBlocks blocks = PrefixBlocks::kLeftOut);

class TraceReader {
 public:
  /// Error kIo when the file cannot be opened.
  static Result<TraceReader> open(const std::string& path, TraceFormat format,
                                  PrefixBlocks blocks = PrefixBlocks::kLeftOut);
  TraceReader(std::unique_ptr<std::istream> stream, std::string name, TraceFormat format,
              PrefixBlocks blocks = PrefixBlocks::kLeftOut);

  /// The next request; nothing at the end. Empty lines are passed over. Errors: those of
  /// parse_request, kUsage for a CSV without its first line or an overlong line, kIo.
  Result<std::optional<Request>> next();

 private:
  Result<std::optional<std::string_view>> next_line();
  std::string place() const { return name_ + ":" + std::to_string(line_number_); }

  std::unique_ptr<std::istream> stream_;
  std::string name_;
  TraceFormat format_;
  PrefixBlocks blocks_;
  std::string line_;
  std::uint64_t line_number_ = 0;
};

/// Reads the whole trace once. Errors: those of the reader; kUsage when it holds no request.
Result<std::uint64_t> count_requests(const std::string& path, TraceFormat format);

}  // namespace terrace::simulate
