// SPDX-License-Identifier: Apache-2.0
#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "tiering/cli/os/probe_support.h"
#include "tiering/cli/os/probes.h"

namespace terrace::cli::os {
namespace {

constexpr std::size_t kPage = 4096;
constexpr unsigned long kMaskBits = 1024;
// Linux 6.9's; Debian 12's header ends before it.
constexpr int kWeightedInterleave = 6;

struct NodeBits {
  unsigned long words[kMaskBits / (8 * sizeof(unsigned long))] = {};
  void set(int node) {
    constexpr int kBits = 8 * sizeof(unsigned long);
    words[node / kBits] |= 1UL << (node % kBits);
  }
};

/// The node of the page at `at`, or -1 with errno.
int node_of(void* at) {
  int node = -1;
  const long got = syscall(SYS_get_mempolicy, &node, nullptr, 0UL, at, MPOL_F_NODE | MPOL_F_ADDR);
  return got == 0 ? node : -1;
}

/// maxnode counts one more than the bits (see mbind(2), NOTES).
int bind(void* at, std::size_t bytes, int mode, const NodeBits& nodes) {
  return syscall(SYS_mbind, at, bytes, mode, nodes.words, kMaskBits + 1, 0U) == 0 ? 0 : errno;
}

Finding probe_bind() {
  Finding finding{
      "mbind",
      "tiers that are NUMA nodes",
      State::kMissing,
      "",
      "containers often refuse it: allow mbind and get_mempolicy in the seccomp profile "
      "(docker: --cap-add SYS_NICE)",
      false};
  const ProbeMapping page(-1, kPage);
  if (!page.valid()) {
    finding.detail = "no page to try it on: " + reason(errno);
    return finding;
  }
  page.touch();
  const int node = node_of(page.at());
  if (node < 0) {
    finding.detail = "get_mempolicy: " + reason(errno);
    return finding;
  }
  NodeBits nodes;
  nodes.set(node);
  const int why = bind(page.at(), kPage, MPOL_BIND, nodes);
  finding.detail = why == 0 ? "a page was bound to node " + std::to_string(node)
                            : "binding a page: " + reason(why);
  if (why != 0) return finding;
  finding.state = State::kThere;
  for (const auto& [mode, name] :
       {std::pair{static_cast<int>(MPOL_PREFERRED_MANY), "preferred many"},
        std::pair{kWeightedInterleave, "weighted interleave"}}) {
    const int refused = bind(page.at(), kPage, mode, nodes);
    finding.detail += std::string("; ") + name + (refused == 0 ? " works" : " not in this kernel");
  }
  return finding;
}

Finding probe_move() {
  Finding finding{
      "move_pages", "finding out where pages lie, and moving them",        State::kMissing,
      "",           "allow move_pages in the container's seccomp profile", false};
  const ProbeMapping page(-1, kPage);
  if (page.valid()) page.touch();
  void* pages[] = {page.at()};
  int status = -1;
  const long got = page.valid() ? syscall(SYS_move_pages, 0, 1UL, pages, nullptr, &status, 0) : -1;
  if (got == 0 && status >= 0) {
    finding.state = State::kThere;
    finding.detail = "a page was found on node " + std::to_string(status);
  } else {
    finding.detail = "asking where a page lies: " + reason(got == 0 ? -status : errno);
  }
  return finding;
}

Finding probe_nodes() {
  const std::string root = "/sys/devices/system/node/";
  const std::string memory = first_line(root + "has_memory");
  const std::string processors = first_line(root + "has_cpu");
  Finding finding{"NUMA nodes",
                  "more than one tier without emulation",
                  State::kPartly,
                  "",
                  "a machine with CXL, HBM or persistent memory as a node; until then an emulated "
                  "tier in the tier file stands in",
                  false};
  const bool several = memory.find_first_of(",-") != std::string::npos;
  finding.detail = memory.empty() ? "the kernel names none"
                                  : "with memory: " + memory + "; with processors: " + processors;
  if (memory.empty()) finding.state = State::kMissing;
  if (several) finding.state = State::kThere;
  return finding;
}

}  // namespace

std::vector<Finding> probe_placement() {
  return {probe_bind(), probe_move(), probe_nodes()};
}

}  // namespace terrace::cli::os
