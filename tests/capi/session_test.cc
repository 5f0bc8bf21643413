// SPDX-License-Identifier: Apache-2.0
// Sessions of what programs tell through the C API, from the call to the report: exact to the byte.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <terrace/terrace.h>

#include <nlohmann/json.hpp>
#include "profiler/session/session_reader.h"

namespace {

using nlohmann::json;
constexpr double kMiB = 1 << 20;

/// Goes with everything in it when the tests end.
struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("terrace-told-" + std::to_string(getpid()));
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
};

std::string path_of(const char* name) {
  static const Folder folder;
  return folder.path / name;
}

std::string output_of(const std::string& command, int& code) {
  std::string text;
  FILE* const pipe = popen(command.c_str(), "r");
  char bytes[4096];
  for (std::size_t got = 0; (got = fread(bytes, 1, sizeof bytes, pipe)) > 0;) {
    text.append(bytes, got);
  }
  const int status = pclose(pipe);
  code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return text;
}

json report_of(const std::string& session) {
  int code = 0;
  const std::string text = output_of(std::string(TERRACE_CLI) + " report --json " + session, code);
  EXPECT_EQ(code, 0);
  return json::parse(text, nullptr, false);
}

void run_program(const std::string& session, int steps, int milliseconds) {
  int code = 0;
  output_of(std::string(SESSION_PROGRAM) + " " + session + " " + std::to_string(steps) + " " +
                std::to_string(milliseconds),
            code);
  ASSERT_EQ(code, 0);
}

std::map<std::string, json> by_label(const json& report) {
  std::map<std::string, json> objects;
  for (const json& object : report.at("objects")) objects[object.at("label")] = object;
  return objects;
}

void expect_exact(const json& report, int steps) {
  const std::map<std::string, json> objects = by_label(report);
  ASSERT_EQ(objects.size(), 5u);
  const double step = report.at("step").at("seconds");
  const int routed = steps / 4;
  const auto check = [&](const char* name, double bytes_per_step, double written_per_step) {
    ASSERT_TRUE(objects.contains(name)) << name;
    const json& object = objects.at(name);
    // Exact but for the arithmetic on doubles.
    EXPECT_NEAR(object.at("bytes_per_step"), bytes_per_step, 1e-6 * bytes_per_step) << name;
    EXPECT_NEAR(object.at("bytes_written_per_second").get<double>() * step, written_per_step,
                1e-6 * written_per_step)
        << name;
    EXPECT_EQ(object.at("source"), "hints");
    EXPECT_EQ(object.at("relative_error"), 0);
    EXPECT_EQ(object.at("written_known_share"), 1);
  };
  check("blk.7.attn_q.weight", 6 * kMiB, 0);
  check("blk.7.ffn_gate_exps.weight[3]", 5 * kMiB * routed / steps, 0);
  check("kv.7", 3 * kMiB + 12345, 12345);
  check("acts", 1000001, 1000001);
  check("unnamed scratch", 0, 0);
}

TEST(ToldSession, AShortRunIsReportedExactlyWithoutItsLoadAndItsIdleEnd) {
  const std::string session = path_of("short.session");
  run_program(session, 12, 10);
  const json report = report_of(session);
  EXPECT_EQ(report.at("step").at("source"), "the engine");
  EXPECT_GE(report.at("step").at("seconds"), 0.010);
  EXPECT_LT(report.at("step").at("seconds"), 0.200) << "the idle end of 200 ms is no step";
  expect_exact(report, 12);
}

TEST(ToldSession, AssumesNothingOfWhereRecordsBegin) {
  // Some seconds long, so that records are written in the middle of the run.
  const std::string session = path_of("long.session");
  run_program(session, 240, 10);
  expect_exact(report_of(session), 240);
}

TEST(ToldSession, TensorsHaveTheirNamesClassesAndTiers) {
  const std::string session = path_of("names.session");
  run_program(session, 8, 5);
  const json report = report_of(session);
  std::map<std::string, json> tensors;
  for (const json& tensor : report.at("tensors")) tensors[tensor.at("name")] = tensor;
  ASSERT_TRUE(tensors.contains("blk.7.ffn_gate_exps.weight[3]"));
  const json& expert = tensors.at("blk.7.ffn_gate_exps.weight[3]");
  EXPECT_EQ(expert.at("class"), "expert");
  EXPECT_EQ(expert.at("layer"), 7);
  EXPECT_EQ(expert.at("expert"), 3);
  EXPECT_EQ(tensors.at("kv.7").at("class"), "kv");
  EXPECT_EQ(tensors.at("acts").at("class"), "activation");
  const std::map<std::string, json> objects = by_label(report);
  EXPECT_EQ(report.at("tiers").at(0).at("name"), "near");
  EXPECT_EQ(objects.at("blk.7.attn_q.weight").at("tier_bytes").at(0), 6 * kMiB);
  EXPECT_EQ(objects.at("blk.7.ffn_gate_exps.weight[3]").at("tier_bytes").at(1), 5 * kMiB);
  const json& source = report.at("sources").at(0);
  EXPECT_EQ(source.at("name"), "hints");
  EXPECT_EQ(source.at("confidence"), 1);
  EXPECT_EQ(source.at("bytes_per_observation"), 1);
}

TEST(ToldSession, TwoRunsAreTheSameToADiffAndAPlan) {
  run_program(path_of("before.session"), 40, 5);
  run_program(path_of("after.session"), 40, 5);
  int code = 0;
  const json difference =
      json::parse(output_of(std::string(TERRACE_CLI) + " diff --json " + path_of("before.session") +
                                " " + path_of("after.session"),
                            code),
                  nullptr, false);
  EXPECT_EQ(code, 0);
  for (const json& object : difference.at("objects")) {
    EXPECT_EQ(object.at("significant"), false) << object.dump();
    EXPECT_EQ(object.at("state"), "same") << object.dump();
  }
  // The machine of machine.h, which the program has deleted by now.
  std::ofstream(path_of("tiers.toml"))
      << "only = true\n[[tier]]\nname = \"near\"\nkind = \"dram\"\nnodes = [0]\n"
         "capacity = \"64MiB\"\nbandwidth = \"20GB/s\"\n[[tier]]\nname = \"far\"\n"
         "kind = \"file\"\nbacking = \"dax\"\npath = \"/dev/shm\"\ncapacity = \"96MiB\"\n"
         "bandwidth = \"2GB/s\"\n";
  output_of(std::string(TERRACE_CLI) + " plan -f --tiers " + path_of("tiers.toml") + " -o " +
                path_of("plan.json") + " " + path_of("before.session") + " 2>&1",
            code);
  EXPECT_EQ(code, 0);
}

/// A machine of what there is, with a session.
terrace_status open_with(const char* session, terrace_context* context) {
  terrace_options options{};
  options.struct_size = sizeof options;
  options.session_file = session;
  return terrace_open(&options, context);
}

terrace_tensor tensor_of(terrace_context context, const char* name, std::uint64_t bytes) {
  terrace_tensor_options options{};
  options.struct_size = sizeof options;
  options.kind = TERRACE_WEIGHT;
  options.bytes = bytes;
  options.name = name;
  terrace_tensor tensor{};
  EXPECT_EQ(terrace_allocate(context, &options, &tensor, nullptr), TERRACE_OK)
      << terrace_last_error();
  return tensor;
}

TEST(ToldSession, BadFilesAreRefusedAndTheContextIsNotOpened) {
  terrace_context context{};
  EXPECT_EQ(open_with("", &context), TERRACE_BAD_ARGUMENT);
  EXPECT_EQ(open_with("/no/such/folder/x.session", &context), TERRACE_IO);
  EXPECT_NE(std::string(terrace_last_error()).find("/no/such/folder"), std::string::npos);
  EXPECT_EQ(context.id, 0u);
  EXPECT_EQ(open_with(path_of("after-errors.session").c_str(), &context), TERRACE_OK)
      << terrace_last_error();
  EXPECT_EQ(terrace_close(context), TERRACE_OK);
}

TEST(ToldSession, OneSessionAtATime) {
  terrace_context first{};
  terrace_context second{};
  ASSERT_EQ(open_with(path_of("first.session").c_str(), &first), TERRACE_OK);
  EXPECT_EQ(open_with(path_of("second.session").c_str(), &second), TERRACE_BAD_ARGUMENT);
  EXPECT_NE(std::string(terrace_last_error()).find("one at a time"), std::string::npos);
  EXPECT_EQ(open_with(nullptr, &second), TERRACE_OK) << "without a session it is another matter";
  EXPECT_EQ(terrace_close(second), TERRACE_OK);
  EXPECT_EQ(terrace_close(first), TERRACE_OK);
  ASSERT_EQ(open_with(path_of("second.session").c_str(), &second), TERRACE_OK);
  EXPECT_EQ(terrace_close(second), TERRACE_OK);
}

TEST(ToldSession, AChildOfAForkMayWriteItsOwn) {
  if (!CHILD_STARTS_THREADS) {
    GTEST_SKIP() << "missing capability: threads in a child of a fork, under the thread sanitizer";
  }
  terrace_context parent{};
  ASSERT_EQ(open_with(path_of("parent.session").c_str(), &parent), TERRACE_OK);
  const terrace_tensor tensor = tensor_of(parent, "parents", 2 << 20);
  const pid_t child = fork();
  if (child == 0) {
    terrace_context own{};
    const std::string path = path_of("child-%p.session");
    bool good = open_with(path.c_str(), &own) == TERRACE_OK;
    good = good && terrace_touch(tensor_of(own, "childs", 2 << 20), 4096, 0) == TERRACE_OK;
    good = good && terrace_close(own) == TERRACE_OK;
    _exit(good ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(terrace_touch(tensor, 8192, 0), TERRACE_OK);
  EXPECT_EQ(terrace_close(parent), TERRACE_OK);
  const std::string child_path = path_of(("child-" + std::to_string(child) + ".session").c_str());
  // Sessions of less than a millisecond: a tensor lives for a small part of them.
  const std::string all = " --min-lifetime 0%";
  EXPECT_TRUE(by_label(report_of(child_path + all)).contains("childs"));
  const std::map<std::string, json> parents = by_label(report_of(path_of("parent.session") + all));
  EXPECT_TRUE(parents.contains("parents"));
  EXPECT_FALSE(parents.contains("childs"));
}

TEST(ToldSession, AResizedTensorGoesOnAsAnotherObject) {
  terrace_context context{};
  const std::string session = path_of("resized.session");
  ASSERT_EQ(open_with(session.c_str(), &context), TERRACE_OK);
  const terrace_tensor tensor = tensor_of(context, "grows", 2 << 20);
  for (int step = 0; step < 4; ++step) {
    ASSERT_EQ(terrace_step(context), TERRACE_OK);
    ASSERT_EQ(terrace_touch(tensor, 1 << 20, 0), TERRACE_OK);
    if (step == 1) {
      ASSERT_EQ(terrace_resize(tensor, 6 << 20, nullptr), TERRACE_OK) << terrace_last_error();
    }
  }
  ASSERT_EQ(terrace_free(tensor), TERRACE_OK);
  ASSERT_EQ(terrace_close(context), TERRACE_OK);
  const json report = report_of(session + " --min-lifetime 0%");
  std::map<std::uint64_t, int> sizes;
  for (const json& object : report.at("objects")) ++sizes[object.at("size_bytes")];
  EXPECT_EQ(sizes[2 << 20], 1);
  EXPECT_EQ(sizes[6 << 20], 1);
}

TEST(ToldSession, NoByteIsLostOrToldTwiceByManyThreads) {
  constexpr int kThreads = 4;
  constexpr std::uint64_t kTouches = 300000;
  terrace_context context{};
  const std::string path = path_of("threads.session");
  ASSERT_EQ(open_with(path.c_str(), &context), TERRACE_OK);
  const terrace_tensor shared = tensor_of(context, "shared", 5 << 20);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (std::uint64_t i = 0; i < kTouches; ++i) {
        EXPECT_EQ(terrace_touch(shared, 1001, 3), TERRACE_OK);
        if (thread == 0 && i % 100 == 0) {
          EXPECT_EQ(terrace_step(context), TERRACE_OK);
        }
        if (i % 50000 == 0) {
          const terrace_tensor brief = tensor_of(context, "brief", 2 << 20);
          EXPECT_EQ(terrace_touch(brief, 77, 0), TERRACE_OK);
          EXPECT_EQ(terrace_free(brief), TERRACE_OK);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(terrace_close(context), TERRACE_OK);

  const auto session = terrace::session::read_session(path);
  ASSERT_TRUE(session) << session.error().message;
  EXPECT_TRUE(session->complete);
  std::map<std::string, std::uint64_t> told;
  for (const terrace::session::Object& object : session->objects) {
    for (const terrace::session::HeatSample& sample : object.heat) {
      if (sample.record.source != 7) continue;
      for (const std::uint32_t bytes : sample.touches) told[object.names.at(0).name] += bytes;
    }
  }
  EXPECT_EQ(told["shared"], kThreads * kTouches * 1004);
  EXPECT_EQ(told["brief"], kThreads * (kTouches / 50000) * 77);
}

TEST(ToldSession, MoreThanACountHoldsIsToldInParts) {
  terrace_context context{};
  const std::string path = path_of("huge.session");
  ASSERT_EQ(open_with(path.c_str(), &context), TERRACE_OK);
  const terrace_tensor tensor = tensor_of(context, "hot", 3 << 20);
  constexpr std::uint64_t kHuge = 50000000000003;
  ASSERT_EQ(terrace_step(context), TERRACE_OK);
  ASSERT_EQ(terrace_touch(tensor, kHuge, 0), TERRACE_OK);
  ASSERT_EQ(terrace_touch(tensor, kHuge, 0), TERRACE_OK);
  ASSERT_EQ(terrace_close(context), TERRACE_OK);
  const json object = report_of(path + " --min-lifetime 0%").at("objects").at(0);
  EXPECT_NEAR(object.at("bytes_per_step"), 2.0 * kHuge, 1e-6 * kHuge);
}

TEST(ToldSession, TheFileIsTheUsersAlone) {
  terrace_context context{};
  const std::string session = path_of("mode.session");
  ASSERT_EQ(open_with(session.c_str(), &context), TERRACE_OK);
  ASSERT_EQ(terrace_close(context), TERRACE_OK);
  struct stat facts {};
  ASSERT_EQ(stat(session.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
}

}  // namespace
