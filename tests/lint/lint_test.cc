// SPDX-License-Identifier: Apache-2.0
// Each rule is shown a sample that it must reject and one that it must let pass.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "tests/lint/documents.h"
#include "tests/lint/rules.h"

namespace terrace::lint {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<std::string> kPublicHeaders = {"allocators/include/terrace/tier.h",
                                                 "tiering/include/terrace/terrace.h"};

SourceFile source(std::string path, std::string_view text) {
  return parse_source(std::move(path), Language::kCxx, text);
}

std::vector<std::string> rules_of(const Findings& findings) {
  std::vector<std::string> rules;
  for (const Finding& finding : findings) rules.push_back(finding.rule);
  return rules;
}

std::string function_of(int lines) {
  std::string text = "int count(int a,\n          int b = {}) {\n";
  for (int i = 3; i < lines; ++i) text += "  if (a) { ++b; }\n";
  return text + "}\n";
}

TEST(Includes, AnUpwardIncludeIsRejected) {
  const auto check = [](const char* path, const char* text) {
    return rules_of(check_includes(source(path, text), kPublicHeaders));
  };
  EXPECT_THAT(check("allocators/heap/a.cc", "#include \"profiler/heat/heat_map.h\"\n"),
              ElementsAre("upward-include"));
  EXPECT_THAT(check("profiler/heat/a.cc", "#include \"tiering/plan/plan.h\"\n"),
              ElementsAre("upward-include"));
  EXPECT_THAT(check("allocators/heap/a.cc", "#include <terrace/terrace.h>\n"),
              ElementsAre("upward-include"));
  EXPECT_THAT(check("tiering/cli/a.cc", "#include \"tests/lint/rules.h\"\n"),
              ElementsAre("upward-include"));
}

TEST(Includes, ADownwardIncludePasses) {
  const SourceFile file = source("tiering/plan/a.cc",
                                 "#include \"profiler/heat/heat_map.h\"\n#include <vector>\n"
                                 "#include <terrace/tier.h>\n");
  EXPECT_THAT(check_includes(file, kPublicHeaders), IsEmpty());
}

TEST(Includes, AnIncludeThatIsNotFromTheRootIsRejected) {
  const SourceFile file = source("tiering/plan/a.cc", "#include \"plan.h\"\n");
  EXPECT_THAT(rules_of(check_includes(file, kPublicHeaders)), ElementsAre("include-form"));
}

TEST(Includes, ExamplesAreProjectsOfTheirOwn) {
  const SourceFile file = source("docs/examples/server/main.cc", "#include \"model.h\"\n");
  EXPECT_THAT(check_includes(file, kPublicHeaders), IsEmpty());
}

TEST(SystemCalls, HeadersAndCallsOutsideOsAreRejected) {
  const SourceFile file = source("allocators/extent/a.cc",
                                 "#include <sys/mman.h>\n#include <linux/mempolicy.h>\n"
                                 "int f() { return mbind(p, n); }\n"
                                 "int g() { return ::open(path, 0); }\n"
                                 "long h() { return syscall(1); }\n");
  EXPECT_THAT(
      rules_of(check_system_calls(file)),
      ElementsAre("system-call", "system-call", "system-call", "system-call", "system-call"));
}

TEST(SystemCalls, OsFoldersBenchAndMembersPass) {
  const char* calls = "#include <sys/mman.h>\nint f() { return mbind(p, n); }\n";
  EXPECT_THAT(check_system_calls(source("allocators/os/a.cc", calls)), IsEmpty());
  EXPECT_THAT(check_system_calls(source("bench/micro/a.cc", calls)), IsEmpty());
  EXPECT_THAT(check_system_calls(source("tiering/runtime/a.cc",
                                        "// mmap(a) and \"mbind(\"\nauto s = \"ioctl(\";\n"
                                        "void f() { file.open(p); os::mbind(p); a->close(); }\n"
                                        "void open(int);\n")),
              IsEmpty());
}

TEST(SystemCalls, AnExceptionCoversItsFileOnly) {
  const char* text = "#include <sys/mman.h>\n";
  EXPECT_THAT(check_system_calls(source("tiering/runtime/advice_calls.cc", text)), IsEmpty());
  EXPECT_THAT(rules_of(check_system_calls(source("tiering/runtime/other.cc", text))),
              ElementsAre("system-call"));
}

TEST(Conditionals, OutsideOsTheyAreRejected) {
  const char* text = "#ifdef __linux__\n#endif\n#if 1\n#endif\n";
  EXPECT_THAT(rules_of(check_conditionals(source("profiler/heat/a.cc", text))),
              ElementsAre("conditional", "conditional"));
  EXPECT_THAT(check_conditionals(source("profiler/os/a.cc", text)), IsEmpty());
}

TEST(Conditionals, AHeaderForCMaySaySo) {
  const char* text = "#ifdef __cplusplus\nextern \"C\" {\n#endif\n";
  EXPECT_THAT(check_conditionals(source("tiering/include/terrace/terrace.h", text)), IsEmpty());
  EXPECT_THAT(check_conditionals(source("tests/preload/case.h", text)), IsEmpty());
  EXPECT_THAT(rules_of(check_conditionals(source("tiering/capi/terrace.h", text))),
              ElementsAre("conditional"));
}

TEST(FileLength, SixHundredLinesPassAndOneMoreDoesNot) {
  std::string text;
  for (int i = 0; i < 600; ++i) text += "int a;\n";
  EXPECT_THAT(check_file_length(source("bench/a.cc", text)), IsEmpty());
  EXPECT_THAT(rules_of(check_file_length(source("bench/a.cc", text + "int b;\n"))),
              ElementsAre("file-length"));
}

TEST(FunctionLength, SeventyLinesPassAndOneMoreDoesNot) {
  EXPECT_THAT(check_function_length(source("bench/a.cc", function_of(70))), IsEmpty());
  const Findings findings = check_function_length(source("bench/a.cc", function_of(71)));
  ASSERT_THAT(rules_of(findings), ElementsAre("function-length"));
  EXPECT_EQ(findings[0].line, 1u);
  EXPECT_THAT(findings[0].text, HasSubstr("71 lines"));
}

TEST(FunctionLength, FunctionsAreFoundWhereverTheyStand) {
  const std::string body = function_of(72);  // two of the samples join the first two lines
  const std::string in_class =
      "namespace a {\nstruct S { int x{}; };\nclass B final : public S {\n public:\n  " + body +
      "};\n}\n";
  const std::string constructor = "A::A(int a) : a_{a}, b_(a) " + body.substr(body.find("{\n"));
  const std::string templated =
      "template <typename T = std::vector<int>>\n  requires(sizeof(T) > 1)\n" + body;
  const std::string c_linkage = "extern \"C\" {\nconstexpr int kA[] = {1, 2};\n" + body + "}\n";
  const std::string compared = "bool operator==(A a, A b) " + body.substr(body.find("{\n"));
  for (const std::string& text : {in_class, constructor, templated, c_linkage, compared}) {
    EXPECT_THAT(rules_of(check_function_length(source("bench/a.cc", text))),
                ElementsAre("function-length"))
        << text.substr(0, 80);
  }
}

TEST(FunctionLength, TablesAndTypesAreNoFunctions) {
  std::string table = "constexpr std::array kTable = {\n";
  std::string type = "struct Fields {\n";
  std::string values = "enum class Kind : int {\n";
  for (int i = 0; i < 80; ++i) {
    table += "    Row{1, f(2)},\n";
    type += "  int get() { return 1; }\n";
    values += "  kOne,\n";
  }
  for (const std::string& text : {table + "};\n", type + "};\n", values + "};\n"}) {
    EXPECT_THAT(check_function_length(source("bench/a.h", text)), IsEmpty());
  }
}

TEST(Opening, AMissingLicenceOrGuardIsRejected) {
  EXPECT_THAT(rules_of(check_opening(source("bench/a.h", "int a;\n"))),
              ElementsAre("licence", "include-guard"));
  const char* good = "// SPDX-License-Identifier: Apache-2.0\n// A header.\n#pragma once\n";
  EXPECT_THAT(check_opening(source("bench/a.h", good)), IsEmpty());
}

TEST(HeaderComment, AHeaderThatSaysNothingIsRejected) {
  const std::string licence = "// SPDX-License-Identifier: Apache-2.0\n";
  EXPECT_THAT(rules_of(check_header_comment(source("bench/a.h", licence + "#pragma once\n"))),
              ElementsAre("header-comment"));
  EXPECT_THAT(check_header_comment(source("bench/a.h", licence + "// What it is for.\n")),
              IsEmpty());
  EXPECT_THAT(check_header_comment(source("bench/a.cc", licence + "int a;\n")), IsEmpty());
}

TEST(HeaderComment, InsideALayerItNamesThreadsAndAllocation) {
  const auto check = [](const char* path, const char* opening) {
    const std::string licence = "// SPDX-License-Identifier: Apache-2.0\n";
    return rules_of(
        check_header_comment(source(path, licence + opening + "\nint thread_alloc;\n")));
  };
  EXPECT_THAT(check("tiering/plan/a.h", "// What it is for."),
              ElementsAre("header-comment", "header-comment"));
  EXPECT_THAT(check("tiering/plan/a.h", "// What it is for. One\n// owner."),
              ElementsAre("header-comment"));
  EXPECT_THAT(check("tiering/plan/a.h", "// What it is for. Allocates."),
              ElementsAre("header-comment"));
  EXPECT_THAT(check("tiering/plan/a.h", "// What it is for.\n// Thread-safe; allocates."),
              IsEmpty());
  EXPECT_THAT(check("tiering/plan/a.h", "// What it is for. Pure functions."), IsEmpty());
  EXPECT_THAT(check("tiering/include/terrace/a.h", "// What it is for."), IsEmpty());
}

TEST(PublicDocs, AnExportedDeclarationWithoutAWordIsRejected) {
  const auto check = [](const char* path, const char* text) {
    return rules_of(check_public_docs(source(path, text)));
  };
  const char* header = "tiering/include/terrace/terrace.h";
  EXPECT_THAT(check(header, "} info;\n\nTERRACE_API int a(int b,\n  int c);\n"),
              ElementsAre("public-docs"));
  EXPECT_THAT(check(header,
                    "/// Makes one.\nTERRACE_API int a(int b,\n  int c);\n"
                    "TERRACE_API int d(void);\n\nTERRACE_API int e(void);\n"),
              ElementsAre("public-docs"))
      << "the second stands with the first, the third alone";
  EXPECT_THAT(check(header, "struct a {\n  int b;\n};\n\ntypedef struct c {\n  int d;\n} c;\n"),
              ElementsAre("public-docs", "public-docs"));
  EXPECT_THAT(check(header,
                    "/// Of T.\ntemplate <typename T>\nstruct a {};\n\n"
                    "template <typename T>\nconstexpr T b(T c) {\n  return c;\n}\n"),
              ElementsAre("public-docs"));
  EXPECT_THAT(check("bench/a.h", "TERRACE_API int a(int b);\n"), IsEmpty());
}

TEST(BoolDefaults, ASwitchWithADefaultIsRejected) {
  const auto check = [](const char* text) {
    return rules_of(check_bool_defaults(source("bench/a.h", text)));
  };
  EXPECT_THAT(check("void a(int b, bool c = false);\n"), ElementsAre("bool-default"));
  EXPECT_THAT(check("void a(\n    bool c = true, int d = 1);\n"), ElementsAre("bool-default"));
  EXPECT_THAT(check("void a(bool known);\nbool b = (false);\nif (bool c = x; c) a(c);\n"
                    "struct S { bool d = false; };\n"),
              IsEmpty());
}

TEST(Words, NotesToOneselfAreRejected) {
  const std::string note = std::string("TO") + "DO";
  EXPECT_THAT(rules_of(check_words(source("bench/a.cc", "// " + note + ": later\n"))),
              ElementsAre("note"));
  EXPECT_THAT(check_words(source("bench/a.cc", "int " + note + "S; // file.XXXXXX\n")), IsEmpty());
}

TEST(Suppressions, OneWithoutAReasonIsRejected) {
  const auto check = [](const std::string& comment) {
    return rules_of(check_suppressions(source("bench/a.cc", "int a;  // " + comment + "\n")));
  };
  const std::string off = std::string("NO") + "LINT";
  EXPECT_THAT(check(off + "(some-check)"), ElementsAre("suppression"));
  EXPECT_THAT(check(off), ElementsAre("suppression"));
  EXPECT_THAT(check(off + "(some-check): for a reason"), IsEmpty());
  EXPECT_THAT(check("For a reason. " + off + "NEXTLINE(some-check)"), IsEmpty());
}

TEST(NamedTests, TestsThatDoNotExistAreRejected) {
  const std::vector<SourceFile> sources = {
      source("tests/unit/a_test.cc", "TEST(Tier, IsFull) {\nTEST_P(Node, IsGone) {\n"),
      source("tests/preload/c_cases.c", "    CASE(free_frees),\n"),
      source("bench/b_test.cc", "TEST(Bench, Runs) {\n")};
  const auto check = [&](std::string_view rows) {
    const std::string text = "| event | shown by |\n|---|---|\n" + std::string(rows);
    return check_named_tests(parse_source("docs/a.md", Language::kScript, text), sources);
  };
  EXPECT_THAT(check("| freed | `c_cases.free_frees` |\n"), IsEmpty());
  EXPECT_THAT(rules_of(check("| freed | `c_cases.free_keeps` |\n")), ElementsAre("named-test"));
  EXPECT_THAT(check("| `x` full | `Tier.IsFull`, `a_test`, `a_test.cc`, `Node.*`, `Tier.Is*` |\n"),
              IsEmpty());
  EXPECT_THAT(rules_of(check("| full | `Tier.IsEmpty` |\n| gone | `Nod.*` and `b_test` |\n")),
              ElementsAre("named-test", "named-test", "named-test"));
  EXPECT_THAT(check("| `nobody` | |\n\n| other | tests |\n| `x` | `Tier.IsEmpty` |\n"), IsEmpty());
}

/// Documents by path and text, beside files that are no documents.
Documents documents(const std::vector<std::pair<std::string, std::string>>& texts,
                    const std::vector<std::string>& files = {}) {
  Documents all{{}, {files.begin(), files.end()}};
  for (const auto& [path, text] : texts) {
    all.documents.push_back(parse_source(path, Language::kScript, text));
    all.files.insert(path);
  }
  return all;
}

TEST(Links, ThatLeadNowhereAreRejected) {
  const Findings findings =
      check_links(documents({{"docs/a.md",
                              "# One heading\n[b](b.md) and [c](../c/d.h),\n[e](#two)\n"
                              "`[f](f.md)` [g](a.md#one) ![h](h.png)\n"}}));
  EXPECT_THAT(rules_of(findings), ElementsAre("link", "link", "link", "link", "link"));
  EXPECT_EQ(findings[0].line, 2u);
  EXPECT_THAT(findings[1].text, HasSubstr("there is no c/d.h"));
  EXPECT_THAT(findings[2].text, HasSubstr("docs/a.md has no heading two"));
}

TEST(Links, ToFilesFoldersHeadingsAndTheNetworkPass) {
  const char* text =
      "## What it's for, `why`\n[a](#what-its-for-why) [b](../c/d.h) [c](../c) [d](b.md#two)\n"
      "[e](https://example.org/x) [f](../README.md)\n";
  EXPECT_THAT(check_links(documents({{"docs/a.md", text}, {"docs/b.md", "# Two\n"}},
                                    {"c/d.h", "README.md"})),
              IsEmpty());
}

TEST(Links, CodeHasNone) {
  const char* text =
      "```cpp\nauto a = [b](c);\n# no heading\n```\n`x[1](2)` and `a\nb[3](4)` end\n";
  EXPECT_THAT(check_links(documents({{"docs/a.md", text}})), IsEmpty());
}

TEST(Reachable, AFileThatNoLinkLeadsToIsRejected) {
  const Findings findings =
      check_reachable("docs/README.md", documents({{"docs/README.md", "[a](a.md)\n"},
                                                   {"docs/a.md", "```\n[c](c.md)\n```\n"},
                                                   {"docs/c.md", ""},
                                                   {"other.md", ""}},
                                                  {"docs/b.png"}));
  ASSERT_THAT(rules_of(findings), ElementsAre("unreached", "unreached"));
  EXPECT_EQ(findings[0].path, "docs/b.png");
  EXPECT_EQ(findings[1].path, "docs/c.md");
}

TEST(Reachable, FilesByWayOfOthersAndInLinkedFoldersPass) {
  EXPECT_THAT(
      check_reachable("docs/README.md", documents({{"docs/README.md", "[a](a.md#end)\n"},
                                                   {"docs/a.md", "![b](b.png) [c](c/)\n# End\n"},
                                                   {"docs/c/d.md", "[e](../e.md)\n"},
                                                   {"docs/e.md", ""}},
                                                  {"docs/b.png", "docs/c/f/g.cc"})),
      IsEmpty());
}

TEST(Blanking, CommentsStringsAndDigitSeparatorsAreUnderstood) {
  const SourceFile file = source("bench/a.cc",
                                 "int a = 1'000; /* { */ char c = '{';\n"
                                 "auto s = R\"x(\n{\n)x\"; int b;\n");
  EXPECT_EQ(file.code[0], "int a = 1'000;         char c = ' ';");
  EXPECT_EQ(file.code[2], " ");
  EXPECT_THAT(file.code[3], HasSubstr("int b;"));
}

TEST(NamedPaths, LinksAndSourcesThatAreNotThereAreFound) {
  const auto check = [](const char* text) {
    const SourceFile document = parse_source("docs/adr/0001.md", Language::kScript, text);
    const Findings findings = check_named_paths(document, [](const std::string& path) {
      return path == "docs/a.md" || path == "tiering/plan/a.cc";
    });
    std::vector<std::string> texts;
    for (const Finding& finding : findings) texts.push_back(finding.text);
    return texts;
  };
  EXPECT_THAT(check("See `tiering/plan/a.cc`.\n"), IsEmpty());
  EXPECT_THAT(check("See `tiering/plan/b.cc`.\n"), ElementsAre("there is no tiering/plan/b.cc"));
  EXPECT_THAT(check("[x](b.md) build/tests/b.sh profiler/sources/*.cc\n"), IsEmpty());
}

TEST(NamedSymbols, WalksNameWhatTheSourcesHave) {
  const std::set<std::string> words = words_of(
      {parse_source("a.cc", Language::kCxx, "int Arena::carve(int blocks_2);  // first fit\n"),
       parse_source("a.sh", Language::kScript, "shell\n")});
  EXPECT_EQ(words, (std::set<std::string>{"int", "Arena", "carve", "blocks_2", "first", "fit"}));
  const auto check = [&](const char* text) {
    return check_named_symbols(parse_source("docs/life-of-a.md", Language::kScript, text), words);
  };
  EXPECT_THAT(check("`Arena::carve(3)` of `blocks_2`, `a/b.cc`, `2 MiB`, `--flag` and `5`\n"),
              IsEmpty());
  const Findings findings = check("`carve`\nthen `Arena::shrink` and `shell`\n");
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].text, "no source has shrink");
  EXPECT_EQ(findings[0].line, 2u);
}

}  // namespace
}  // namespace terrace::lint
