// SPDX-License-Identifier: Apache-2.0
// The C API's functions on contexts, tiers, hints, events and pools: checks, and one call each.
#include <bit>
#include <string>
#include <utility>

#include "tiering/capi/entry.h"

namespace terrace::capi {
namespace {

constexpr std::uint64_t kDefaultAlignment = 16;
constexpr std::uint64_t kMostAlignment = GiB(1).value;

/// Null: it has left a text.
std::unique_ptr<Context> make_context(std::uint32_t number, void* from) {
  auto& settings = *static_cast<ContextSettings*>(from);
  const bool watch_errors = settings.watch_errors;
  auto context = std::make_unique<Context>(number, std::move(settings));
  if (watch_errors && context->watch_errors() != TERRACE_OK) return nullptr;
  return context;
}

terrace_status close_context(terrace_context handle) {
  const Entered context(handle.id, HandleKind::kContext);
  if (!context) return fail_handle(handle.id, HandleKind::kContext);
  if (context->is_own_thread()) {
    return fail(TERRACE_BUSY, "a handler of events cannot close its context, whose thread it is");
  }
  if (!Registry::close(context->number())) {
    return fail(TERRACE_BAD_HANDLE, "another thread has closed the context");
  }
  context->stop();
  return TERRACE_OK;
}

}  // namespace
}  // namespace terrace::capi

using namespace terrace::capi;  // NOLINT(google-build-using-namespace): their C face

uint32_t terrace_version() {
  return TERRACE_VERSION_NUMBER;
}

terrace_status terrace_open(const terrace_options* options, terrace_context* context) {
  return guarded([&]() -> terrace_status {
    if (context == nullptr) return fail_null("terrace_open: context");
    terrace_options known{};
    known.struct_size = sizeof known;
    if (options != nullptr) {
      const terrace_status read = read_struct(options, "terrace_options", known);
      if (read != TERRACE_OK) return read;
    }
    ContextSettings settings;
    const terrace_status ready = read_settings(known, settings);
    if (ready != TERRACE_OK) {
      if (settings.memory != nullptr) Memory::close(std::move(settings.memory));
      return ready;
    }
    const std::uint32_t number = Registry::add(&make_context, &settings);
    if (number == 0) {
      if (settings.memory != nullptr) Memory::close(std::move(settings.memory));
      return fail(TERRACE_NO_MEMORY, "%s", last_failure());
    }
    context->id = make_handle(HandleKind::kContext, {number, 0, 0});
    return TERRACE_OK;
  });
}

terrace_status terrace_close(terrace_context context) {
  return guarded([&]() -> terrace_status { return close_context(context); });
}

terrace_status terrace_tier_count(terrace_context context, uint32_t* count) {
  return in_context(context, [&](Context& inside) -> terrace_status {
    if (count == nullptr) return fail_null("terrace_tier_count: count");
    *count = inside.tier_count();
    return TERRACE_OK;
  });
}

terrace_status terrace_get_tier(terrace_context context, uint32_t tier, terrace_tier_info* info) {
  return in_context(context, [&](Context& inside) -> terrace_status {
    if (tier >= inside.tier_count()) {
      return fail(TERRACE_BAD_ARGUMENT, "tier %u; there are %u", tier, inside.tier_count());
    }
    return write_struct(inside.tier_info(tier), "terrace_tier_info", info);
  });
}

terrace_status terrace_find_tier(terrace_context context, const char* name, uint32_t* tier) {
  return in_context(context, [&](Context& inside) -> terrace_status {
    if (name == nullptr || tier == nullptr) return fail_null("terrace_find_tier: name or tier");
    std::uint32_t found = 0;
    const terrace_status done = inside.find_tier(name, found);
    if (done == TERRACE_OK) *tier = found;
    return done;
  });
}

terrace_status terrace_step(terrace_context context) {
  return in_context(context, [](Context& inside) -> terrace_status {
    inside.step();
    return TERRACE_OK;
  });
}

terrace_status terrace_phase(terrace_context context, uint32_t phase) {
  return in_context(context, [&](Context& inside) -> terrace_status {
    inside.phase(phase);
    return TERRACE_OK;
  });
}

terrace_status terrace_get_traffic(terrace_context context, terrace_traffic* traffic) {
  return in_context(context, [&](Context& inside) -> terrace_status {
    return write_struct(inside.traffic(), "terrace_traffic", traffic);
  });
}

terrace_status terrace_set_event_handler(terrace_context context, terrace_event_handler handler,
                                         void* user) {
  return in_context(context, [&](Context& inside) -> terrace_status {
    return inside.set_event_handler(handler, user);
  });
}

terrace_status terrace_pool_open(terrace_context context, const terrace_pool_options* options,
                                 terrace_pool* pool) {
  return in_context(context, [&](Context& inside) -> terrace_status {
    terrace_pool_options known{};
    if (pool == nullptr) return fail_null("terrace_pool_open: pool");
    terrace_status done = read_struct(options, "terrace_pool_options", known);
    std::uint64_t handle = 0;
    if (done == TERRACE_OK) done = inside.open_pool(known, handle);
    if (done == TERRACE_OK) pool->id = handle;
    return done;
  });
}

terrace_status terrace_pool_close(terrace_pool pool) {
  return in_context(pool, [&](Context& inside) { return inside.close_pool(pool.id); });
}

terrace_status terrace_pool_allocate(terrace_pool pool, uint64_t bytes, uint64_t alignment,
                                     void** address) {
  return in_context(pool, [&](Context& inside) -> terrace_status {
    if (address == nullptr) return fail_null("terrace_pool_allocate: address");
    if (alignment == 0) alignment = kDefaultAlignment;
    if (!std::has_single_bit(alignment) || alignment > kMostAlignment) {
      return fail(TERRACE_BAD_ARGUMENT, "an alignment of %llu; give a power of two up to 1 GiB",
                  static_cast<unsigned long long>(alignment));
    }
    void* block = nullptr;
    const terrace_status done = inside.pool_allocate(pool.id, bytes, alignment, block);
    if (done == TERRACE_OK) *address = block;
    return done;
  });
}

terrace_status terrace_pool_free(terrace_pool pool, void* address) {
  return in_context(pool, [&](Context& inside) { return inside.pool_free(pool.id, address); });
}
