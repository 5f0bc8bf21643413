// SPDX-License-Identifier: Apache-2.0
#include "profiler/calibrate/probe_pages.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "allocators/backing/block_pool.h"
#include "allocators/os/mapping.h"

namespace terrace::calibrate {

struct ProbePages::DaxBlocks {
  backing::BlockPool pool;
  char* at = nullptr;
  Bytes size;
};

void ProbePages::EndDaxBlocks::operator()(DaxBlocks* blocks) const {
  // Unmapped first; closing gives the blocks back.
  if (blocks->at != nullptr) os::unmap(blocks->at, blocks->size);
  blocks->pool.close();
  delete blocks;
}

Result<ProbePages> ProbePages::map(Bytes size, const ProbeRequest& request) {
  if (request.path.empty()) {
    auto pages = os::NodePages::map(size, request.nodes);
    if (!pages) return pages.error();
    return ProbePages(std::move(*pages));
  }
  auto blocks = map_blocks(static_cast<std::uint32_t>(blocks_for(size)), request);
  if (!blocks) return blocks.error();
  return ProbePages(std::move(*blocks));
}

Result<ProbePages::Dax> ProbePages::map_blocks(std::uint32_t count, const ProbeRequest& request) {
  Dax blocks(new DaxBlocks);
  if (const Status opened =
          blocks->pool.open(request.path.c_str(), request.capacity, request.mapping_unit);
      !opened)
    return opened.error();
  blocks->size = Bytes(backing::BlockPool::offset_of(count));
  blocks->at = static_cast<char*>(os::reserve_address_space(blocks->size));
  if (blocks->at == nullptr)
    return make_error(ErrorCode::kIo, ENOMEM, "no address space for %u blocks", count);
  for (std::uint32_t done = 0; done < count;) {
    const backing::PoolRun run = blocks->pool.claim(count - done);
    if (run.count == 0)
      return make_error(ErrorCode::kCapabilityMissing, 0,
                        "%s: %u of %u blocks of 2 MiB are free; end what holds the others and run "
                        "again",
                        request.path.c_str(), done, count);
    const int error = blocks->pool.map(blocks->at + backing::BlockPool::offset_of(done), run);
    if (error != 0)
      return make_error(ErrorCode::kIo, error, "%s: cannot be mapped: %s", request.path.c_str(),
                        std::strerror(error));
    done += run.count;
  }
  return blocks;
}

std::byte* ProbePages::data() const {
  if (const auto* nodes = std::get_if<os::NodePages>(&pages_)) return nodes->data();
  return reinterpret_cast<std::byte*>(std::get<Dax>(pages_)->at);
}

std::size_t ProbePages::size() const {
  if (const auto* nodes = std::get_if<os::NodePages>(&pages_)) return nodes->size();
  return std::get<Dax>(pages_)->size.value;
}

}  // namespace terrace::calibrate
