// SPDX-License-Identifier: Apache-2.0
#include "tiering/simulate/trace_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <nlohmann/json.hpp>

#include "allocators/base/number_of.h"

namespace terrace::simulate {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kAzureHeader = "TIMESTAMP,ContextTokens,GeneratedTokens";

Error bad_line(const std::string& place, const char* what) {
  return make_error(ErrorCode::kUsage, 0, "%s: %s", place.c_str(), what);
}

Result<std::uint32_t> tokens_of(const Json& request, const char* key, const std::string& place) {
  const auto found = request.find(key);
  if (found == request.end()) {
    return make_error(ErrorCode::kUsage, 0, "%s: the request has no \"%s\"", place.c_str(), key);
  }
  if (found->is_number_unsigned() && found->get<std::uint64_t>() <= kMostTokens) {
    return static_cast<std::uint32_t>(found->get<std::uint64_t>());
  }
  return make_error(ErrorCode::kUsage, 0, "%s: \"%s\" is no count of tokens (0 to %u)",
                    place.c_str(), key, kMostTokens);
}

Status read_prefix_blocks(const Json& json, const std::string& place, Request& request) {
  const auto found = json.find("hash_ids");
  if (found == json.end() || !found->is_array()) {
    return bad_line(place, "the request has no \"hash_ids\": [n, ...], which name its blocks");
  }
  if (found->size() > request.context_tokens) {
    return bad_line(place, "more \"hash_ids\" than the request has tokens");
  }
  request.prefix_blocks.reserve(found->size());
  for (const Json& id : *found) {
    if (!id.is_number_unsigned()) {
      return bad_line(place, "\"hash_ids\" holds something else than whole numbers");
    }
    request.prefix_blocks.push_back(id.get<std::uint64_t>());
  }
  return ok_status();
}

Result<Request> parse_mooncake(std::string_view line, const std::string& place,
                               PrefixBlocks blocks) {
  const Json json = Json::parse(line, nullptr, false);
  if (json.is_discarded() || !json.is_object()) {
    return bad_line(place,
                    "no JSON object; a request is {\"timestamp\": ms, \"input_length\": "
                    "tokens, \"output_length\": tokens, ...}");
  }
  const auto input = tokens_of(json, "input_length", place);
  if (!input) return input.error();
  const auto output = tokens_of(json, "output_length", place);
  if (!output) return output.error();
  Request request{*input, *output};
  if (blocks == PrefixBlocks::kRead) {
    const Status read = read_prefix_blocks(json, place, request);
    if (!read) return read.error();
  }
  return request;
}

Result<std::uint32_t> tokens_of(std::string_view text, const char* column,
                                const std::string& place) {
  const auto value = number_of<std::uint32_t>(text);
  if (value && *value <= kMostTokens) return *value;
  return make_error(ErrorCode::kUsage, 0, "%s: %s \"%.*s\" is no count of tokens (0 to %u)",
                    place.c_str(), column, static_cast<int>(std::min<std::size_t>(text.size(), 40)),
                    text.data(), kMostTokens);
}

Result<Request> parse_azure(std::string_view line, const std::string& place) {
  const std::size_t first = line.find(',');
  const std::size_t second = first == std::string_view::npos ? first : line.find(',', first + 1);
  if (second == std::string_view::npos || line.find(',', second + 1) != std::string_view::npos) {
    return bad_line(place,
                    "not three fields; a request is TIMESTAMP,ContextTokens,GeneratedTokens");
  }
  if (first == 0) return bad_line(place, "the request has no TIMESTAMP");
  const auto context =
      tokens_of(line.substr(first + 1, second - first - 1), "ContextTokens", place);
  if (!context) return context.error();
  const auto generated = tokens_of(line.substr(second + 1), "GeneratedTokens", place);
  if (!generated) return generated.error();
  return Request{*context, *generated};
}

std::string_view without_return(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

}  // namespace

std::optional<TraceFormat> trace_format_of(std::string_view path) {
  if (path.ends_with(".jsonl")) return TraceFormat::kMooncake;
  if (path.ends_with(".csv")) return TraceFormat::kAzure;
  return std::nullopt;
}

Result<Request> parse_request(TraceFormat format, std::string_view line, const std::string& place,
                              PrefixBlocks blocks) {
  return format == TraceFormat::kMooncake ? parse_mooncake(line, place, blocks)
                                          : parse_azure(line, place);
}

TraceReader::TraceReader(std::unique_ptr<std::istream> stream, std::string name, TraceFormat format,
                         PrefixBlocks blocks)
    : stream_(std::move(stream)), name_(std::move(name)), format_(format), blocks_(blocks) {}

Result<TraceReader> TraceReader::open(const std::string& path, TraceFormat format,
                                      PrefixBlocks blocks) {
  errno = 0;
  auto stream = std::make_unique<std::ifstream>(path, std::ios::binary);
  if (!*stream || stream->peek() == std::ifstream::traits_type::eof()) {
    const int error = errno;
    if (*stream || error == 0) {
      return make_error(ErrorCode::kUsage, 0, "%s: the trace is empty", path.c_str());
    }
    return make_error(ErrorCode::kIo, error, "%s: cannot be read: %s", path.c_str(),
                      std::strerror(error));
  }
  return TraceReader(std::move(stream), path, format, blocks);
}

Result<std::optional<std::string_view>> TraceReader::next_line() {
  // A line is read up to its newline; what has none within the limit is no trace.
  line_.clear();
  for (int c = stream_->get(); c != std::istream::traits_type::eof(); c = stream_->get()) {
    if (c == '\n') break;
    line_.push_back(static_cast<char>(c));
    if (line_.size() > kLongestLine) {
      ++line_number_;
      return bad_line(place(), "a line of more than 16 MiB; is this a request trace?");
    }
  }
  if (stream_->bad()) return make_error(ErrorCode::kIo, EIO, "%s: read error", place().c_str());
  if (stream_->eof() && line_.empty()) return std::optional<std::string_view>();
  ++line_number_;
  return std::optional(without_return(line_));
}

Result<std::optional<Request>> TraceReader::next() {
  while (true) {
    const auto line = next_line();
    if (!line) return line.error();
    if (!line->has_value()) return std::optional<Request>();
    const std::string_view text = **line;
    if (line_number_ == 1 && format_ == TraceFormat::kAzure) {
      if (text == kAzureHeader) continue;
      return bad_line(place(), "the first line is not TIMESTAMP,ContextTokens,GeneratedTokens");
    }
    if (text.empty()) continue;
    const auto request = parse_request(format_, text, place(), blocks_);
    if (!request) return request.error();
    return std::optional(*request);
  }
}

Result<std::uint64_t> count_requests(const std::string& path, TraceFormat format) {
  auto reader = TraceReader::open(path, format);
  if (!reader) return reader.error();
  std::uint64_t count = 0;
  while (true) {
    const auto request = reader->next();
    if (!request) return request.error();
    if (!request->has_value()) break;
    ++count;
  }
  if (count > 0) return count;
  return make_error(ErrorCode::kUsage, 0, "%s: the trace holds no request", path.c_str());
}

}  // namespace terrace::simulate
