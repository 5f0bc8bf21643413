// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/kv/failing_new.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

constinit thread_local std::uint64_t left =
    0;  ///< allocations until one fails, and with it; 0: none
constinit thread_local bool spared = false;
constinit std::atomic<bool> others_fail{false};
constinit std::atomic<std::uint64_t> others_failed{0};

bool has_no_memory() {
  if (left > 0 && --left == 0) return true;
  if (spared || !others_fail.load()) return false;
  others_failed.fetch_add(1);
  return true;
}

void* allocate(std::size_t size) noexcept {
  return has_no_memory() ? nullptr : std::malloc(size == 0 ? 1 : size);
}

void* allocate_or_throw(std::size_t size) {
  void* const memory = allocate(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) {
  return allocate_or_throw(size);
}
void* operator new[](std::size_t size) {
  return allocate_or_throw(size);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace terrace {

NthNewFails::NthNewFails(std::uint64_t nth) {
  left = nth;
}
NthNewFails::~NthNewFails() {
  left = 0;
}
bool NthNewFails::failed() const {
  return left == 0;
}

OthersNewFails::OthersNewFails() {
  others_failed.store(0);
  spared = true;
  others_fail.store(true);
}
OthersNewFails::~OthersNewFails() {
  others_fail.store(false);
  spared = false;
}
std::uint64_t OthersNewFails::failures() const {
  return others_failed.load();
}

}  // namespace terrace
