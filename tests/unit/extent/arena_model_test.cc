// SPDX-License-Identifier: Apache-2.0
// Random carving and releasing, held against a plain model of the blocks.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "allocators/extent/arena.h"
#include "tests/logged_seed.h"

namespace terrace::extent::arena_model_test {
namespace {

constinit Arena arena;

/// First fit over a vector of "taken" flags.
class Model {
 public:
  Model(std::uint64_t base_block, std::uint64_t blocks) : base_(base_block), taken_(blocks) {}

  std::uint64_t first_fit(std::uint32_t blocks, std::uint32_t align) const {
    for (std::uint64_t at = 0; at + blocks <= taken_.size(); ++at) {
      if ((base_ + at) % align == 0 && is_free(at, blocks)) return at;
    }
    return taken_.size();
  }
  void set(std::uint64_t at, std::uint32_t blocks, bool taken) {
    for (std::uint32_t i = 0; i < blocks; ++i) taken_[at + i] = taken;
  }
  bool taken(std::uint64_t at) const { return taken_[at]; }
  bool is_free(std::uint64_t at, std::uint32_t blocks) const {
    for (std::uint32_t i = 0; i < blocks; ++i) {
      if (taken_[at + i]) return false;
    }
    return true;
  }

 private:
  std::uint64_t base_;
  std::vector<bool> taken_;
};

/// Changes an object's length at its end, as the arena and the model agree that it can.
void resize(Object& object, std::uint32_t blocks, Model& model, int step) {
  const std::uint32_t before = object.block_count;
  const std::uint64_t end = object.first_block + before;
  if (blocks <= before) {
    arena.shrink(object, blocks);
    model.set(object.first_block + blocks, before - blocks, false);
    return;
  }
  const bool free = model.is_free(end, blocks - before);
  ASSERT_EQ(arena.extend(object, blocks), free) << "step " << step;
  ASSERT_EQ(object.block_count, free ? blocks : before);
  if (!free) return;
  arena.publish(object);
  model.set(end, blocks - before, true);
}

TEST(ArenaModel, CarvesWhereFirstFitWouldAndFindsEveryBlock) {
  std::mt19937 random(testing_support::logged_seed());
  const Status opened = arena.open();
  ASSERT_TRUE(opened) << opened.error().message;
  Model model(reinterpret_cast<std::uintptr_t>(arena.base()) >> kBlockShift, arena.block_count());
  std::vector<Object*> live;
  for (int step = 0; step < 6000; ++step) {
    if (live.empty() || random() % 9 < 5) {
      const std::uint32_t blocks = 1 + static_cast<std::uint32_t>(random()) % 24;
      const std::uint32_t align = random() % 4 == 0 ? 1u << random() % 6 : 1;
      Object* object = arena.carve(blocks, align);
      ASSERT_NE(object, nullptr) << "step " << step;
      ASSERT_EQ(object->first_block, model.first_fit(blocks, align)) << "step " << step;
      ASSERT_EQ(object->block_count, blocks);
      arena.publish(*object);
      model.set(object->first_block, blocks, true);
      live.push_back(object);
    } else if (random() % 3 == 0) {
      const std::uint32_t blocks = 1 + static_cast<std::uint32_t>(random()) % 24;
      resize(*live[random() % live.size()], blocks, model, step);
    } else {
      const std::size_t pick = random() % live.size();
      model.set(live[pick]->first_block, live[pick]->block_count, false);
      arena.release(*live[pick]);
      live[pick] = live.back();
      live.pop_back();
    }
    if (step % 50 == 0) {
      for (std::uint32_t block = 0; block < 4000; ++block) {
        ASSERT_EQ(arena.find(arena.address_of(block)) != nullptr, model.taken(block));
      }
    }
  }
  for (const Object* object : live) {
    for (std::uint32_t i = 0; i < object->block_count; ++i) {
      ASSERT_EQ(arena.find(arena.address_of(object->first_block + i)), object);
    }
  }
}

}  // namespace
}  // namespace terrace::extent::arena_model_test
