// SPDX-License-Identifier: Apache-2.0
#include "tiering/cli/models_in_use.h"

#include <gtest/gtest.h>

#include <unistd.h>
#include <fstream>

#include "tests/temporary_folder.h"
#include "tests/unit/names/mixture_file.h"

namespace terrace::cli::models_in_use_test {
namespace {

using testing_support::TemporaryFolder;

std::vector<std::string> paths_of(const ModelsInUse& models) {
  std::vector<std::string> paths;
  for (const names::SeenModel& seen : models.seen()) paths.push_back(seen.file.path);
  return paths;
}

TEST(ModelsInUse, ArgumentsThatAreModelFilesCount) {
  const TemporaryFolder folder;
  const std::string first = folder.write("a.gguf", "x");
  const std::string second = folder.write("b.safetensors", "y");
  ModelsInUse models;
  models.add_arguments({"/bin/server", "-m", first, "--draft=" + second, first,
                        folder.write("prompt.txt", "z"), "/nonexistent/c.gguf", "--verbose"});
  EXPECT_EQ(paths_of(models), (std::vector<std::string>{first, second}));
  EXPECT_EQ(models.seen()[0].file.size_bytes, 1u);
}

TEST(ModelsInUse, AFileThatAProcessHasOpenIsSeenOnce) {
  const TemporaryFolder folder;
  const std::string path = folder.write("open.gguf", "abc");
  ModelsInUse models;
  models.look(::getpid());
  EXPECT_TRUE(models.seen().empty());
  {
    const std::ifstream open(path);
    models.look(::getpid());
    models.look(::getpid());
  }
  models.look(::getpid());
  EXPECT_EQ(paths_of(models), (std::vector<std::string>{path}));
}

TEST(ModelsInUse, ItsStateIsThatOfTheFirstLook) {
  const TemporaryFolder folder;
  const std::string path = folder.write("m.gguf", "abc");
  ModelsInUse models;
  models.add_arguments({path});
  folder.write("m.gguf", "changed");
  models.add_arguments({path});
  EXPECT_EQ(models.seen()[0].file.size_bytes, 3u);
}

TEST(ModelsInUse, LooksAreRarerWhenNothingTurnsUpAndEagerAgainAfterwards) {
  const TemporaryFolder folder;
  ModelsInUse models;
  for (int call = 0; call < 200; ++call) models.look(::getpid());
  const std::string late = folder.write("late.gguf", "x");
  const std::ifstream open(late);
  int calls = 0;
  while (models.seen().empty() && calls < 100) {
    models.look(::getpid());
    ++calls;
  }
  EXPECT_GT(calls, 1);
  EXPECT_LE(calls, 12);
  const std::string next = folder.write("next.gguf", "x");
  const std::ifstream open_too(next);
  models.look(::getpid());
  EXPECT_EQ(models.seen().size(), 2u);
}

}  // namespace
}  // namespace terrace::cli::models_in_use_test
