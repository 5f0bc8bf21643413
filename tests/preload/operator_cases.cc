// SPDX-License-Identifier: Apache-2.0
// What a C++ program may expect of operator new and delete.
#include <sys/mman.h>
#include <sys/resource.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/preload/case.h"

namespace {

bool aligned_to(const void* block, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(block) % alignment == 0;
}

constexpr std::size_t kSizes[] = {0, 1, SMALL, 200000, LARGE};
constexpr std::size_t kImpossible = PTRDIFF_MAX;

void* checked(void* block, std::size_t size, std::size_t alignment = 16) {
  CHECK(block != nullptr && aligned_to(block, alignment));
  if (size >= LARGE) CHECK(looks_placed(block));
  fill(block, size, 1);
  CHECK(holds(block, size, 1));
  return block;
}

void plain_and_array_forms_serve() {
  for (const std::size_t size : kSizes) {
    ::operator delete(checked(::operator new(opaque(size)), size));
    ::operator delete[](checked(::operator new[](opaque(size)), size));
    ::operator delete(checked(::operator new(opaque(size)), size), size);
    ::operator delete[](checked(::operator new[](opaque(size)), size), size);
  }
}

void nothrow_forms_serve() {
  for (const std::size_t size : kSizes) {
    ::operator delete(checked(::operator new(opaque(size), std::nothrow), size), std::nothrow);
    ::operator delete[](checked(::operator new[](opaque(size), std::nothrow), size), std::nothrow);
  }
}

void aligned_forms_serve() {
  for (std::size_t alignment = 32; alignment <= std::size_t{8} << 20; alignment *= 4) {
    const std::align_val_t tag{alignment};
    for (const std::size_t size : kSizes) {
      const auto good = [&](void* block) { return checked(block, size, alignment); };
      ::operator delete(good(::operator new(opaque(size), tag)), tag);
      ::operator delete[](good(::operator new[](opaque(size), tag)), tag);
      ::operator delete(good(::operator new(opaque(size), tag)), size, tag);
      ::operator delete[](good(::operator new[](opaque(size), tag)), size, tag);
      ::operator delete(good(::operator new(opaque(size), tag, std::nothrow)), tag, std::nothrow);
      ::operator delete[](good(::operator new[](opaque(size), tag, std::nothrow)), tag,
                          std::nothrow);
    }
  }
}

void delete_of_null_does_nothing() {
  const auto null = [] { return reinterpret_cast<void*>(opaque(0)); };
  ::operator delete(null());
  ::operator delete[](null(), std::size_t{8});
  ::operator delete (null(), std::align_val_t{64});
  ::operator delete(null(), std::nothrow);
}

template <typename Allocate>
bool throws_bad_alloc(Allocate allocate) {
  try {
    [[maybe_unused]] const auto unexpected = allocate();
  } catch (const std::bad_alloc&) {
    return true;
  }
  return false;
}

void impossible_sizes_throw_bad_alloc() {
  const std::align_val_t tag{64};
  CHECK(throws_bad_alloc([] { return ::operator new(opaque(kImpossible)); }));
  CHECK(throws_bad_alloc([] { return ::operator new[](opaque(kImpossible)); }));
  CHECK(throws_bad_alloc([&] { return ::operator new(opaque(kImpossible), tag); }));
  CHECK(throws_bad_alloc([&] { return ::operator new[](opaque(kImpossible), tag); }));
  CHECK(throws_bad_alloc([] { return std::vector<char>(opaque(kImpossible)); }));
}

void impossible_sizes_are_null_with_nothrow() {
  const std::align_val_t tag{64};
  CHECK(::operator new(opaque(kImpossible), std::nothrow) == nullptr);
  CHECK(::operator new[](opaque(kImpossible), std::nothrow) == nullptr);
  CHECK(::operator new(opaque(kImpossible), tag, std::nothrow) == nullptr);
  CHECK(::operator new[](opaque(kImpossible), tag, std::nothrow) == nullptr);
}

int handler_calls = 0;

void new_handler_is_called_until_it_gives_up() {
  std::set_new_handler([] {
    if (++handler_calls == 3) std::set_new_handler(nullptr);
  });
  CHECK(throws_bad_alloc([] { return ::operator new(opaque(kImpossible)); }));
  CHECK(handler_calls == 3);
}

// Each form of new asks its handler again and again, until it succeeds or the handler is gone.
template <typename Allocate>
int calls_until_given_up(Allocate allocate) {
  handler_calls = 0;
  std::set_new_handler([] {
    if (++handler_calls == 4) std::set_new_handler(nullptr);
  });
  allocate();
  return handler_calls;
}

void every_form_of_new_honours_the_handler() {
  const std::align_val_t tag{64};
  const auto calls = [](auto allocate) {
    return calls_until_given_up([&] { CHECK(throws_bad_alloc(allocate)); });
  };
  CHECK(calls([] { return ::operator new(opaque(kImpossible)); }) == 4);
  CHECK(calls([] { return ::operator new[](opaque(kImpossible)); }) == 4);
  CHECK(calls([&] { return ::operator new(opaque(kImpossible), tag); }) == 4);
  CHECK(calls([&] { return ::operator new[](opaque(kImpossible), tag); }) == 4);
  const auto nulls = [](auto allocate) {
    return calls_until_given_up([&] { CHECK(allocate() == nullptr); });
  };
  CHECK(nulls([] { return ::operator new(opaque(kImpossible), std::nothrow); }) == 4);
  CHECK(nulls([] { return ::operator new[](opaque(kImpossible), std::nothrow); }) == 4);
  CHECK(nulls([&] { return ::operator new(opaque(kImpossible), tag, std::nothrow); }) == 4);
  CHECK(nulls([&] { return ::operator new[](opaque(kImpossible), tag, std::nothrow); }) == 4);
}

void* ballast = nullptr;
std::size_t ballast_bytes = 0;

void new_handler_that_frees_memory_lets_new_succeed() {
  ::operator delete(checked(::operator new(opaque(LARGE)), LARGE));  // placing has begun
  rlimit limit{};
  CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
  constexpr std::size_t kBallast = std::size_t{512} << 20;
  ballast = mmap(nullptr, kBallast, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(ballast != MAP_FAILED);
  ballast_bytes = kBallast;
  // Room for nothing more: the handler's ballast is all that can give way.
  limit.rlim_cur = 1 << 20;
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
  handler_calls = 0;
  std::set_new_handler([] {
    ++handler_calls;
    CHECK(handler_calls == 1 && munmap(ballast, ballast_bytes) == 0);
    rlimit wider{};
    CHECK(getrlimit(RLIMIT_AS, &wider) == 0);
    wider.rlim_cur = wider.rlim_max;
    CHECK(setrlimit(RLIMIT_AS, &wider) == 0);
  });
  void* block = ::operator new(opaque(std::size_t{300} << 20));
  CHECK(block != nullptr && handler_calls == 1);
  std::memset(block, 1, 4096);
  ::operator delete(block);
}

struct Leaver {
  std::vector<char> bytes = std::vector<char>(LARGE, 'l');
  ~Leaver() {
    CHECK(bytes.size() == LARGE && bytes[LARGE - 1] == 'l');
    bytes.resize(LARGE * 2, 'm');
    const std::vector<char> more(LARGE, 'n');
    CHECK(bytes[LARGE * 2 - 1] == 'm' && more[LARGE / 2] == 'n');
  }
};
thread_local Leaver leaver;

void destructors_of_thread_locals_free_and_allocate() {
  for (int i = 0; i < 8; ++i) std::thread([] { CHECK(leaver.bytes[0] == 'l'); }).join();
}

void new_handler_may_throw_its_own() {
  struct Own {};
  std::set_new_handler([] { throw Own(); });
  bool arrived = false;
  try {
    [[maybe_unused]] void* unexpected = ::operator new(opaque(kImpossible));
  } catch (const Own&) {
    arrived = true;
  }
  CHECK(arrived);
}

void containers_grow_across_the_threshold() {
  std::vector<std::size_t> numbers;
  std::string text;
  for (std::size_t i = 0; i < LARGE / 4; ++i) {
    numbers.push_back(i);
    text += static_cast<char>('a' + i % 26);
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    CHECK(numbers[i] == i && text[i] == static_cast<char>('a' + i % 26));
  }
  CHECK(looks_placed(numbers.data()));
}

void overaligned_types_are_aligned() {
  struct alignas(256) Wide {
    char bytes[256];
  };
  const auto one = std::make_unique<Wide>();
  const auto many = std::make_unique<Wide[]>(LARGE / sizeof(Wide));
  CHECK(aligned_to(one.get(), 256) && aligned_to(many.get(), 256) && looks_placed(many.get()));
}

void throwing_constructor_releases_its_memory() {
  struct Thrower {
    char bytes[LARGE];
    Thrower() { throw std::runtime_error("constructor"); }
  };
  for (int i = 0; i < 1000; ++i) {
    bool arrived = false;
    try {
      delete new Thrower;
    } catch (const std::runtime_error&) {
      arrived = true;
    }
    CHECK(arrived);
  }
}

void threads_hand_containers_over() {
  std::vector<std::vector<char>> results(8);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < results.size(); ++i) {
    threads.emplace_back([&results, i] { results[i].assign(LARGE, static_cast<char>(i)); });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < results.size(); ++i) {
    CHECK(results[i].size() == LARGE && results[i][LARGE / 2] == static_cast<char>(i));
  }
}

}  // namespace

const test_case cases[] = {
#define CASE(name) \
  { #name, name }
    CASE(plain_and_array_forms_serve),
    CASE(nothrow_forms_serve),
    CASE(aligned_forms_serve),
    CASE(delete_of_null_does_nothing),
    CASE(impossible_sizes_throw_bad_alloc),
    CASE(impossible_sizes_are_null_with_nothrow),
    CASE(new_handler_is_called_until_it_gives_up),
    CASE(every_form_of_new_honours_the_handler),
    CASE(new_handler_that_frees_memory_lets_new_succeed),
    CASE(destructors_of_thread_locals_free_and_allocate),
    CASE(new_handler_may_throw_its_own),
    CASE(containers_grow_across_the_threshold),
    CASE(overaligned_types_are_aligned),
    CASE(throwing_constructor_releases_its_memory),
    CASE(threads_hand_containers_over),
    {nullptr, nullptr},
};
