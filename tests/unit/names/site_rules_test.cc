// SPDX-License-Identifier: Apache-2.0
#include "tiering/names/site_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace terrace::names::site_rules_test {
namespace {

using session::MemoryClass;
using testing::HasSubstr;

std::string refused(const std::string& text) {
  const auto rules = parse_site_rules(text, "r.toml");
  EXPECT_FALSE(rules.ok()) << text;
  return rules.ok() ? "" : rules.error().message;
}

/// The class that the built-in rules give to a stack, innermost first; nothing: no rule fits.
std::optional<MemoryClass> built_in_class(const std::vector<std::string>& symbols,
                                          const std::string& module = "libllama.so") {
  const auto rules = parse_site_rules(default_site_rules(), "built-in");
  const SiteFacts facts{symbols, std::vector<std::string>(symbols.size(), module), Bytes(1 << 20)};
  for (const SiteRule& rule : *rules) {
    if (matches(rule, facts)) return rule.memory_class;
  }
  return std::nullopt;
}

TEST(SiteRules, TheBuiltInOnesTellTheEnginesBuffersApart) {
  ASSERT_TRUE(parse_site_rules(default_site_rules(), "built-in").ok());
  const std::string shared = "ggml_backend_alloc_ctx_tensors_from_buft";
  EXPECT_EQ(built_in_class({shared, "llama_model_base::load_tensors(llama_model_loader&)"}),
            MemoryClass::kWeight);
  EXPECT_EQ(built_in_class({shared, "llama_kv_cache::llama_kv_cache(llama_model const&)"}),
            MemoryClass::kKv);
  EXPECT_EQ(built_in_class({"ggml_gallocr_reserve_n_impl"}, "libggml-base.so"),
            MemoryClass::kScratch);
  EXPECT_EQ(built_in_class({"operator new(unsigned long)",
                            "llama_model_loader::load_all_data(ggml_context*)",
                            "llama_model_base::load_tensors(llama_model_loader&)"}),
            MemoryClass::kStaging);
  EXPECT_EQ(built_in_class({"c10::alloc_cpu(unsigned long)", "at::detail::empty_generic()",
                            "at::_ops::addmm::call(at::Tensor const&)"},
                           "libtorch_cpu.so"),
            MemoryClass::kActivation);
  EXPECT_EQ(
      built_in_class({"c10::alloc_cpu(unsigned long)", "at::_ops::empty_memory_format::call()"},
                     "libtorch_cpu.so"),
      std::nullopt)
      << "weights and KV come this way as well";
  EXPECT_EQ(built_in_class({"main"}, "server"), std::nullopt);
}

TEST(SiteRules, AllConditionsOfARuleMustHold) {
  const auto rules = parse_site_rules(R"(
[[site]]
name = "mine {n}"
class = "kv"
symbols = ["cache*init", "engine"]
without = ["warmup"]
module = "libengine-*.so"
min-size = "1M"
max-size = "1G"
turn = 2
confidence = 75
)",
                                      "r.toml");
  ASSERT_TRUE(rules.ok()) << rules.error().message;
  const SiteRule& rule = rules->front();
  EXPECT_EQ(rule.place, "r.toml:2");
  EXPECT_EQ(rule.turn, 2u);
  EXPECT_EQ(rule.confidence, 75);
  const SiteFacts fits{
      {"ns::cache_do_init()", "engine_main"}, {"libengine-2.so", "app"}, Bytes(2 << 20)};
  EXPECT_TRUE(matches(rule, fits));
  SiteFacts other = fits;
  other.symbols[1] = "main";
  EXPECT_FALSE(matches(rule, other)) << "one symbol of two";
  other = fits;
  other.symbols.push_back("warmup()");
  EXPECT_FALSE(matches(rule, other)) << "an excluded symbol";
  other = fits;
  other.modules = {"libengine.so"};
  EXPECT_FALSE(matches(rule, other)) << "another module";
  for (const std::uint64_t size : {std::uint64_t{1} << 19, std::uint64_t{1} << 31}) {
    other = fits;
    other.size = Bytes(size);
    EXPECT_FALSE(matches(rule, other)) << size;
  }
}

TEST(SiteRules, ErrorsNameLineKeyAndTheProbableMeaning) {
  EXPECT_THAT(refused("[[site]]\nname = \"a\"\nclass = \"wieght\"\nsymbols = [\"s\"]\n"),
              testing::AllOf(HasSubstr("r.toml:3"), HasSubstr("did you mean \"weight\"")));
  EXPECT_THAT(
      refused("[[site]]\nname = \"a\"\nclass = \"kv\"\nsymbol = [\"s\"]\nmin-size=\"1M\"\n"),
      testing::AllOf(HasSubstr("r.toml:4"), HasSubstr("symbols")));
  EXPECT_THAT(refused("[[sites]]\nname = \"a\"\n"), HasSubstr("site"));
  EXPECT_THAT(refused("[[site]]\nclass = \"kv\"\nsymbols = [\"s\"]\n"), HasSubstr("\"name\""));
  EXPECT_THAT(refused("[[site]]\nname = \"a\"\nclass = \"kv\"\n"), HasSubstr("fit everything"));
  EXPECT_THAT(refused("[[site]]\nname = \"a\"\nclass = \"kv\"\nsymbols = \"s\"\n"),
              HasSubstr("r.toml:4"));
  EXPECT_THAT(refused("[[site]]\nname = \"a\"\nclass = \"kv\"\nsymbols = [1]\n"),
              HasSubstr("patterns in quotes"));
  EXPECT_THAT(refused("[[site]]\nname = \"a\"\nclass = \"kv\"\nmin-size = \"1X\"\n"),
              HasSubstr("min-size"));
  EXPECT_THAT(
      refused("[[site]]\nname = \"a\"\nclass = \"kv\"\nmin-size = \"2M\"\nmax-size = \"1M\"\n"),
      HasSubstr("below min-size"));
  EXPECT_THAT(
      refused("[[site]]\nname = \"a\"\nclass = \"kv\"\nsymbols = [\"s\"]\nconfidence = 101\n"),
      HasSubstr("0 to 100"));
  EXPECT_THAT(refused("[[site]\n"), HasSubstr("not valid TOML"));
  EXPECT_EQ(read_site_rules("/nonexistent/r.toml").error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace terrace::names::site_rules_test
