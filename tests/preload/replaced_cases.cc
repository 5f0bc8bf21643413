// SPDX-License-Identifier: Apache-2.0
// A C++ program that replaces one form of operator new and one of delete: the C++ runtime's other
// forms must go on calling them, whoever stands in between.
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "tests/preload/case.h"

namespace {

int made = 0;
int dropped = 0;

/// Forms behind our back: a pointer that the optimiser cannot see through.
template <typename Function>
Function* hidden(Function* function) {
  Function* volatile pointer = function;
  return pointer;
}

void other_forms_call_the_replaced_ones() {
  void* (*const make_array)(std::size_t) = hidden<void*(std::size_t)>(&::operator new[]);
  void (*const drop_array)(void*) = hidden<void(void*)>(&::operator delete[]);
  void (*const drop_sized)(void*, std::size_t) =
      hidden<void(void*, std::size_t)>(&::operator delete);
  for (const std::size_t size : {std::size_t{0}, SMALL}) {
    const int before = made;
    const int dropped_before = dropped;
    void* const array = make_array(opaque(size));
    void* const quiet = ::operator new(opaque(size), std::nothrow);
    CHECK(array != nullptr && quiet != nullptr);
    CHECK(made == before + 2);
    drop_array(array);
    drop_sized(quiet, size);
    CHECK(dropped == dropped_before + 2);
  }
}

void libraries_use_the_replaced_ones() {
  const int before = made;
  std::string text(opaque(SMALL), 'x');
  text += std::to_string(before);
  std::vector<std::string> many(opaque(10), text);
  CHECK(made >= before + 11);
  CHECK(many.back() == text);
}

}  // namespace

void* operator new(std::size_t size) {
  ++made;
  void* block = std::malloc(size == 0 ? 1 : size);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}
void operator delete(void* block) noexcept {
  ++dropped;
  std::free(block);
}
// The compiler asks for the sized form beside it; the runtime's would do this too.
void operator delete(void* block, std::size_t) noexcept {
  ::operator delete(block);
}

extern "C" const struct test_case cases[] = {
    {"other_forms_call_the_replaced_ones", other_forms_call_the_replaced_ones},
    {"libraries_use_the_replaced_ones", libraries_use_the_replaced_ones},
    {nullptr, nullptr},
};
