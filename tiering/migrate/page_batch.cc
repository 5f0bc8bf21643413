// SPDX-License-Identifier: Apache-2.0
#include "tiering/migrate/page_batch.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "tiering/migrate/node_choice.h"

namespace terrace::migrate {
namespace {

/// What is moved as one: a small page, a transparent huge page or one of hugetlbfs.
struct Page {
  const void* at = nullptr;
  Bytes size;
  int from = 0;                      ///< its node
  Outcome outcome = Outcome::kBusy;  ///< kBusy until something better is known
  bool is_transparent_huge = false;  ///< it may be split on the way
};
using Indexes = std::vector<std::uint32_t>;

/// Of a page's own status.
Outcome outcome_of_page(int error) {
  switch (error) {
    case ENOENT:
    case EFAULT:  // mapped, or it would not be in the batch: so it is the shared page of zeros
      return Outcome::kNotPresent;
    case EBUSY:
    case EAGAIN:
      return Outcome::kBusy;
    case ENOMEM:
      return Outcome::kNoMemory;
    case EACCES:
      return Outcome::kShared;
    case EPERM:
      return Outcome::kNotAllowed;
    case EHWPOISON:
      return Outcome::kPoisoned;
    default:
      return Outcome::kOther;
  }
}

/// Of a whole call: there EACCES is a node outside the cpuset, and EFAULT no page's matter.
Outcome outcome_of_call(int error) {
  if (error == EACCES) return Outcome::kNotAllowed;
  if (error == EFAULT || error == ENOENT) return Outcome::kOther;
  return outcome_of_page(error);
}

class PageBatch {
 public:
  PageBatch(const Kernel& kernel, int pid, const PageRange& range, const std::vector<NodeId>& tier)
      : kernel_(kernel), pid_(pid), range_(range), choice_(kernel, tier) {}

  BatchResult look() {
    list_pages();
    for (const std::uint32_t i : find_strangers()) {
      result_.add(Outcome::kOther, pages_[i].size);
    }
    return result_;
  }
  BatchResult run() {
    list_pages();
    send_to_nodes(find_strangers());
    count_sent();
    return result_;
  }

 private:
  struct CallOutcome {
    Indexes busy;
    Indexes untried;
  };

  std::vector<std::uint64_t> transparent_huge_blocks() const;
  void list_pages();
  Indexes find_strangers();
  void send_to_nodes(Indexes todo);
  void send(NodeId node, Indexes sent);
  CallOutcome call_once(NodeId node, const Indexes& sent);
  std::vector<int> ask(const std::vector<const void*>& addresses);
  void note(Page* page, Outcome outcome, int error);
  void count_sent();
  void count_small_pages_of(const Page& page);
  std::uintptr_t first_block() const { return range_.begin & ~(kBlockBytes.value - 1); }

  const Kernel& kernel_;
  const int pid_;
  const PageRange range_;
  NodeChoice choice_;
  std::vector<Page> pages_;
  Indexes sent_;  ///< all that were not there
  BatchResult result_;
};

/// Bit i: block i from first_block() on is one huge page. Empty where the kernel cannot tell; then
/// pages are moved by small addresses, which is right and slower.
std::vector<std::uint64_t> PageBatch::transparent_huge_blocks() const {
  if (range_.page != KiB(4)) return {};
  const std::uint64_t blocks = blocks_for(Bytes(range_.end - first_block()));
  std::vector<std::uint64_t> bitmap((blocks + 63) / 64);
  const int error = kernel_.huge_blocks(pid_, reinterpret_cast<const void*>(first_block()),
                                        static_cast<std::uint32_t>(blocks), bitmap.data());
  if (error != 0) bitmap.clear();
  return bitmap;
}

bool is_set(const std::vector<std::uint64_t>& bitmap, std::uint64_t bit) {
  return bit / 64 < bitmap.size() && (bitmap[bit / 64] >> (bit % 64) & 1) != 0;
}

/// One entry for a huge page that lies in the range as a whole: 512 addresses of it would each be
/// looked up, and the second be called busy (it left the LRU list with the first).
void PageBatch::list_pages() {
  const std::vector<std::uint64_t> huge = transparent_huge_blocks();
  pages_.reserve(range_.size().value / range_.page.value);
  for (std::uintptr_t at = range_.begin; at < range_.end;) {
    const bool whole_block = at % kBlockBytes.value == 0 && range_.end - at >= kBlockBytes.value;
    Page page;
    page.at = reinterpret_cast<const void*>(at);
    page.is_transparent_huge = whole_block && is_set(huge, (at - first_block()) >> kBlockShift);
    page.size = page.is_transparent_huge ? kBlockBytes : range_.page;
    pages_.push_back(page);
    at += page.size.value;
  }
}

/// Each address's node or negative errno. When the kernel refuses the question as such, that is
/// the answer for each.
std::vector<int> PageBatch::ask(const std::vector<const void*>& addresses) {
  std::vector<int> status(addresses.size());
  const auto count = static_cast<std::uint32_t>(addresses.size());
  const int error = kernel_.query(pid_, addresses.data(), count, status.data());
  if (error == 0) return status;
  const int cause = error == EACCES ? EPERM : error;  // EACCES of a page means that it is shared
  return std::vector<int>(addresses.size(), -cause);
}

void PageBatch::note(Page* page, Outcome outcome, int error) {
  page->outcome = outcome;
  if (outcome == Outcome::kOther) result_.other_errno = error;
}

/// Counts those that need no move; the others are returned.
Indexes PageBatch::find_strangers() {
  std::vector<const void*> addresses;
  addresses.reserve(pages_.size());
  for (const Page& page : pages_) addresses.push_back(page.at);
  const std::vector<int> places = ask(addresses);
  for (std::uint32_t i = 0; i < pages_.size(); ++i) {
    Page& page = pages_[i];
    page.from = places[i];
    if (choice_.is_in_tier(page.from)) {
      result_.add(Outcome::kAlreadyThere, page.size);
    } else if (page.from < 0) {
      note(&page, outcome_of_page(-page.from), -page.from);
      result_.add(page.outcome, page.size);
    } else {
      sent_.push_back(i);
    }
  }
  return sent_;
}

void PageBatch::send_to_nodes(Indexes todo) {
  while (!todo.empty()) {
    std::map<NodeId, Indexes> by_node;
    for (const std::uint32_t i : todo) {
      Page& page = pages_[i];
      const auto node = choice_.pick(page.from, page.size);
      page.outcome = Outcome::kNoMemory;
      if (node) by_node[*node].push_back(i);
    }
    todo.clear();
    for (auto& [node, group] : by_node) {
      send(node, group);
      for (const std::uint32_t i : group) {
        if (pages_[i].outcome != Outcome::kNoMemory) continue;
        choice_.mark_full(node);
        todo.push_back(i);
      }
    }
  }
}

/// Each call leaves fewer pages untried, since it tries at least one.
void PageBatch::send(NodeId node, Indexes sent) {
  constexpr int kTries = 2;
  for (int attempt = 0; attempt < kTries && !sent.empty(); ++attempt) {
    Indexes busy;
    while (!sent.empty()) {
      CallOutcome outcome = call_once(node, sent);
      busy.insert(busy.end(), outcome.busy.begin(), outcome.busy.end());
      sent = std::move(outcome.untried);
    }
    sent = std::move(busy);
  }
}

/// What the kernel said of the pages of one call, and what it did not say: see os::move_pages.
class Answers {
 public:
  Answers(os::MoveCall call, std::vector<int> said) : call_(call), said_(std::move(said)) {
    for (std::size_t i = 0; i < said_.size(); ++i) {
      if (said_[i] != os::kNothingSaid) end_of_said_ = i + 1;
    }
  }
  std::size_t end_of_said() const { return end_of_said_; }
  int call_error() const { return call_.error; }
  /// Did the kernel tell of each page that it is on the node? Then it need not be asked again.
  bool all_moved() const {
    return call_.error == 0 && call_.not_moved == 0 &&
           std::all_of(said_.begin(), said_.end(), [](int said) { return said >= 0; });
  }
  const std::vector<int>& said() const { return said_; }
  /// An errno for this page; 0: none was told.
  int page_error(std::size_t i) const {
    return said_[i] < 0 && said_[i] != os::kNothingSaid ? -said_[i] : 0;
  }
  /// The kernel stops after the run that a page stayed behind in. The last page that has a status
  /// ended that run, unless it was the call's last one; then some page after it has moved, or the
  /// next call, which begins there, settles it.
  bool may_be_untried(std::size_t i) const {
    return call_.not_moved > 0 && end_of_said_ > 0 && i >= end_of_said_;
  }

 private:
  os::MoveCall call_;
  std::vector<int> said_;
  std::size_t end_of_said_ = 0;
};

PageBatch::CallOutcome PageBatch::call_once(NodeId node, const Indexes& sent) {
  std::vector<const void*> addresses;
  addresses.reserve(sent.size());
  for (const std::uint32_t i : sent) addresses.push_back(pages_[i].at);
  const std::vector<int> nodes(sent.size(), raw(node));
  std::vector<int> said(sent.size());
  const os::MoveCall call = kernel_.move(
      pid_, addresses.data(), static_cast<std::uint32_t>(sent.size()), nodes.data(), said.data());
  const Answers answers(call, std::move(said));
  const std::vector<int> places = answers.all_moved() ? answers.said() : ask(addresses);
  bool tail_was_tried = false;
  for (std::size_t k = answers.end_of_said(); k < sent.size(); ++k) {
    tail_was_tried = tail_was_tried || choice_.is_in_tier(places[k]);
  }
  CallOutcome outcome;
  for (std::size_t k = 0; k < sent.size(); ++k) {
    Page& page = pages_[sent[k]];
    if (answers.may_be_untried(k) && !tail_was_tried) {
      outcome.untried.push_back(sent[k]);
      continue;
    }
    if (choice_.is_in_tier(places[k])) {
      page.outcome = Outcome::kMoved;
    } else if (places[k] < 0) {
      note(&page, outcome_of_page(-places[k]), -places[k]);
    } else if (const int error = answers.page_error(k); error != 0) {
      note(&page, outcome_of_page(error), error);
    } else if (answers.call_error() != 0) {
      note(&page, outcome_of_call(answers.call_error()), answers.call_error());
    } else {
      page.outcome = Outcome::kBusy;
    }
    if (page.outcome == Outcome::kBusy) outcome.busy.push_back(sent[k]);
  }
  return outcome;
}

void PageBatch::count_sent() {
  bool sent_huge = false;
  for (const std::uint32_t i : sent_) sent_huge = sent_huge || pages_[i].is_transparent_huge;
  const auto still_huge = sent_huge ? transparent_huge_blocks() : std::vector<std::uint64_t>();
  for (const std::uint32_t i : sent_) {
    const Page& page = pages_[i];
    const auto block = (reinterpret_cast<std::uintptr_t>(page.at) - first_block()) >> kBlockShift;
    if (page.is_transparent_huge && !is_set(still_huge, block)) {
      count_small_pages_of(page);
    } else {
      result_.add(page.outcome, page.size);
    }
  }
}

/// A huge page for which the target node had no whole block was split by the kernel, and some of
/// its small pages may have stayed.
void PageBatch::count_small_pages_of(const Page& page) {
  std::vector<const void*> addresses;
  for (std::uint64_t offset = 0; offset < page.size.value; offset += range_.page.value) {
    addresses.push_back(static_cast<const char*>(page.at) + offset);
  }
  for (const int place : ask(addresses)) {
    if (choice_.is_in_tier(place)) {
      result_.add(Outcome::kMoved, range_.page);
    } else if (place < 0) {
      result_.add(outcome_of_page(-place), range_.page);
    } else {
      const bool head_moved = page.outcome == Outcome::kMoved;
      result_.add(head_moved ? Outcome::kBusy : page.outcome, range_.page);
    }
  }
}

}  // namespace

BatchResult move_pages_of(const Kernel& kernel, int pid, const PageRange& range,
                          const std::vector<NodeId>& tier) {
  return PageBatch(kernel, pid, range, tier).run();
}

BatchResult places_of(const Kernel& kernel, const PageRange& range,
                      const std::vector<NodeId>& tier) {
  return PageBatch(kernel, 0, range, tier).look();
}

}  // namespace terrace::migrate
