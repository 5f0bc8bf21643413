// SPDX-License-Identifier: Apache-2.0
#include "profiler/session/segments.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace terrace::session {
namespace {

/// A stretch of one process, and the file that it came from.
struct Stretch {
  std::string path;
  Session session;
};

/// By start and pid, so that processes come as they began.
using Identity = std::pair<std::uint64_t, std::uint32_t>;
using Stretches = std::map<Identity, std::vector<Stretch>>;

bool is_later(const Session& session) {
  return session.segment && session.segment->number > 1;
}

void stand_alone(Session& session) {
  if (!is_later(session)) return;
  const SegmentRecord& segment = *session.segment;
  session.header.start_monotonic_ns = segment.begin_ns;
  session.header.start_realtime_ns = segment.begin_realtime_ns;
  // What lived already lies in the file by its place in memory.
  std::stable_sort(session.objects.begin(), session.objects.end(),
                   [](const Object& a, const Object& b) {
                     return std::tie(a.record.born_ns, a.record.object) <
                            std::tie(b.record.born_ns, b.record.object);
                   });
  for (Object& object : session.objects) {
    object.record.born_ns = std::max(object.record.born_ns, segment.begin_ns);
  }
}

void append(Object& known, Object&& later) {
  const std::vector<std::uint8_t>& first =
      later.earlier.empty() ? later.block_tiers : later.earlier.front().block_tiers;
  const std::size_t samples = known.heat.size();
  if (first != known.block_tiers) known.earlier.push_back({samples, std::move(known.block_tiers)});
  for (EarlierPlacement& placement : later.earlier) {
    known.earlier.push_back({placement.heat_samples + samples, std::move(placement.block_tiers)});
  }
  known.block_tiers = std::move(later.block_tiers);
  std::move(later.heat.begin(), later.heat.end(), std::back_inserter(known.heat));
  known.ended_ns = later.ended_ns;
  if (later.names.empty()) return;
  known.names = std::move(later.names);
  known.names_file = std::move(later.names_file);
}

/// The last of them is told again at the beginning of the next file.
template <typename Record>
void append_later(std::vector<Record>& known, const std::vector<Record>& later) {
  for (const Record& record : later) {
    if (known.empty() || record.at_ns > known.back().at_ns) known.push_back(record);
  }
}

void append_sources(std::vector<SourceUse>& known, std::vector<SourceUse>& later) {
  for (SourceUse& use : later) {
    const auto at = std::find_if(known.begin(), known.end(), [&](const SourceUse& other) {
      return other.record.source == use.record.source;
    });
    if (at == known.end()) {
      known.push_back(std::move(use));
    } else {
      *at = std::move(use);
    }
  }
}

bool same_tiers(const Session& a, const Session& b) {
  const std::size_t bytes = a.tiers.size() * sizeof(TierRecord);
  return a.tiers.size() == b.tiers.size() &&
         (bytes == 0 || std::memcmp(a.tiers.data(), b.tiers.data(), bytes) == 0);
}

/// One process of its stretches, told in order.
class ProcessJoiner {
 public:
  explicit ProcessJoiner(Session&& first) : session_(std::move(first)) {
    if (is_later(session_)) stand_alone(session_);
    index();
  }

  /// Error: an object of both has another size in the later one, which is then of another program.
  Status append_stretch(Stretch&& stretch) {
    Session& later = stretch.session;
    if (const Object* other = find_other_size(later)) {
      return make_error(ErrorCode::kUsage, 0,
                        "%.160s tells of object %llu with another size than the files before it: "
                        "one of them is damaged; move it away",
                        stretch.path.c_str(),
                        static_cast<unsigned long long>(other->record.object));
    }
    const std::size_t known = session_.objects.size();
    std::vector<bool> lives(known, false);
    const bool all_told = later.objects.size() >= later.segment->carried_objects;
    for (Object& object : later.objects) {
      const auto [at, is_new] = place_of_.emplace(object.record.object, session_.objects.size());
      if (is_new) {
        session_.objects.push_back(std::move(object));
      } else {
        if (at->second < known) lives[at->second] = true;
        append(session_.objects[at->second], std::move(object));
      }
    }
    if (all_told) end_what_is_gone(lives, later.segment->begin_ns);
    append_later(session_.steps, later.steps);
    append_later(session_.costs, later.costs);
    append_later(session_.marks, later.marks);
    session_.looks.insert(session_.looks.end(), later.looks.begin(), later.looks.end());
    append_sources(session_.sources, later.sources);
    session_.segment = later.segment;
    session_.continued = later.continued;
    session_.complete = later.complete;
    session_.bytes_ignored = later.bytes_ignored;
    session_.last_ns = std::max(session_.last_ns, later.last_ns);
    return ok_status();
  }

  Session&& take() { return std::move(session_); }

 private:
  const Object* find_other_size(const Session& later) const {
    for (const Object& object : later.objects) {
      const auto at = place_of_.find(object.record.object);
      if (at == place_of_.end()) continue;
      if (session_.objects[at->second].record.size_bytes != object.record.size_bytes) {
        return &object;
      }
    }
    return nullptr;
  }

  void index() {
    for (std::size_t i = 0; i < session_.objects.size(); ++i) {
      place_of_.emplace(session_.objects[i].record.object, i);
    }
  }

  /// Their end lies in a file that is not here, or in one's torn tail.
  void end_what_is_gone(const std::vector<bool>& lives, std::uint64_t begin_ns) {
    for (std::size_t i = 0; i < lives.size(); ++i) {
      Object& object = session_.objects[i];
      if (!lives[i] && object.ended_ns == 0) object.ended_ns = begin_ns;
    }
  }

  Session session_;
  std::unordered_map<std::uint64_t, std::size_t> place_of_;  ///< object -> place in the session
};

std::string numbers(std::uint32_t first, std::uint32_t last) {
  return first == last ? "segment " + std::to_string(first)
                       : "segments " + std::to_string(first) + " to " + std::to_string(last);
}

/// What a user has to know of a process's row of files. Damage at its end is the session's own.
void find_gaps(std::uint32_t pid, const std::vector<Stretch>& row, std::vector<std::string>& gaps) {
  const std::string process = " of process " + std::to_string(pid);
  const SegmentRecord& first = *row.front().session.segment;
  if (first.number > 1 && first.keep == 0) {
    gaps.push_back(numbers(1, first.number - 1) + process +
                   " not found: the recording begins with " + row.front().path +
                   "; put missing files beside it to have all");
  }
  for (std::size_t i = 1; i < row.size(); ++i) {
    const Session& before = row[i - 1].session;
    const std::uint32_t have = before.segment->number;
    const std::uint32_t next = row[i].session.segment->number;
    if (next > have + 1) {
      gaps.push_back(numbers(have + 1, next - 1) + process + " not found, between " +
                     row[i - 1].path + " and " + row[i].path +
                     ": what happened then is in no figure; put missing files beside these");
    }
    if (before.bytes_ignored > 0) {
      gaps.push_back(row[i - 1].path + ": damaged; " + std::to_string(before.bytes_ignored) +
                     " bytes at its end are not used, and the recording goes on with " +
                     row[i].path + "; take an undamaged copy if there is one");
    }
  }
  const Session& last = row.back().session;
  if (last.continued) {
    gaps.push_back("segment " + std::to_string(last.continued->next) + process +
                   " not found: the recording goes on after " + row.back().path +
                   "; put missing files beside it, or wait for the program to write it");
  }
}

Error other_recording(const std::string& path, const std::string& first) {
  return make_error(ErrorCode::kUsage, 0,
                    "%.160s is of another recording than %.160s; move one of them into a folder of "
                    "its own",
                    path.c_str(), first.c_str());
}

Result<Stretches> sort_by_process(std::vector<SegmentFile>& files) {
  Stretches stretches;
  std::optional<std::uint64_t> recording;
  for (SegmentFile& file : files) {
    for (Session& session : file.recording.processes) {
      // The header's process has nothing of its own where another one comes first.
      if (!session.segment && session.objects.empty()) continue;
      if (!session.segment) {
        return make_error(ErrorCode::kUsage, 0, "%s is not of a split recording: read it by itself",
                          file.path.c_str());
      }
      if (!recording) recording = session.segment->recording;
      if (*recording != session.segment->recording) {
        return other_recording(file.path, files.front().path);
      }
      const Identity who{session.header.start_monotonic_ns, session.header.pid};
      stretches[who].push_back({file.path, std::move(session)});
    }
  }
  if (stretches.empty()) return make_error(ErrorCode::kUsage, 0, "no file of a split recording");
  return stretches;
}

Status put_in_order(std::vector<Stretch>& row) {
  std::sort(row.begin(), row.end(), [](const Stretch& a, const Stretch& b) {
    return a.session.segment->number < b.session.segment->number;
  });
  for (std::size_t i = 1; i < row.size(); ++i) {
    const Stretch& before = row[i - 1];
    if (before.session.segment->number == row[i].session.segment->number) {
      return make_error(ErrorCode::kUsage, 0,
                        "%.160s and %.160s hold the same segment %u: is one a copy? move it away",
                        before.path.c_str(), row[i].path.c_str(), before.session.segment->number);
    }
    if (!same_tiers(before.session, row[i].session)) {
      return make_error(ErrorCode::kUsage, 0,
                        "%.160s has other tiers than %.160s, which goes before",
                        row[i].path.c_str(), before.path.c_str());
    }
  }
  return ok_status();
}

}  // namespace

void stand_alone(Recording& recording) {
  for (Session& session : recording.processes) stand_alone(session);
}

Result<WholeRecording> join_segments(std::vector<SegmentFile> files) {
  Result<Stretches> stretches = sort_by_process(files);
  if (!stretches) return stretches.error();
  WholeRecording whole;
  for (auto& [who, row] : *stretches) {
    if (const Status ordered = put_in_order(row); !ordered) return ordered.error();
    find_gaps(who.second, row, whole.gaps);
    ProcessJoiner joiner(std::move(row.front().session));
    for (std::size_t i = 1; i < row.size(); ++i) {
      const Status appended = joiner.append_stretch(std::move(row[i]));
      if (!appended) return appended.error();
    }
    whole.recording.processes.push_back(joiner.take());
  }
  return whole;
}

}  // namespace terrace::session
