// SPDX-License-Identifier: Apache-2.0
// Bad input and bad options: one clear sentence, the right exit code, no file left behind.
#include <gtest/gtest.h>

#include "tests/run_command.hpp"

namespace steepest::tests {
namespace {

// One way to go wrong: arguments of fit after the file, and what the sentence must hold.
struct BadInput {
  std::string name;
  std::string content;
  std::string options;
  std::vector<std::string> said;
};

class BadInputTest : public testing::TestWithParam<BadInput> {};

std::string binary_content() {
  std::string content =
      "\x7f"
      "ELF";
  content.append(300, '\0');
  return content;
}

TEST_P(BadInputTest, OneSentenceExitTwoNoFile) {
  const BadInput& bad = GetParam();
  const TemporaryFolder folder;
  const std::string data = folder.write("data.csv", bad.content);
  const CommandRun run =
      run_command(folder, "fit " + data + " " + bad.options + " -o " + folder.path("model.json"));
  EXPECT_EQ(run.exit_code, 2) << run.err;
  EXPECT_EQ(run.out, "");
  for (const std::string& piece : bad.said) {
    EXPECT_NE(run.err.find(piece), std::string::npos)
        << "missing: " << piece << "\nin: " << run.err;
  }
  EXPECT_EQ(folder.entries(), 1) << "a file was left beside the data";
  EXPECT_EQ(run.err.find('\n'), run.err.size() - 1) << "more than one line: " << run.err;

  const CommandRun json = run_command(folder, "fit " + data + " " + bad.options + " --json");
  EXPECT_EQ(json.exit_code, 2);
  EXPECT_EQ(json.json()["error"]["exit_code"], 2);
}

INSTANTIATE_TEST_SUITE_P(
    Inputs, BadInputTest,
    testing::Values(
        BadInput{"WrongCell",
                 "a,y\n1,2\nx7,3\n4,5\n",
                 "--target y",
                 {"data.csv:3", "byte 8", "column 1 \"a\"", "x7"}},
        BadInput{"RaggedRow",
                 "a,b,y\n1,2,3\n4,5\n6,7,8\n",
                 "--target y",
                 {"data.csv:3", "expected 3 columns, found 2"}},
        BadInput{"MissingTargetColumn", "a,b\n1,2\n3,4\n", "--target y", {"y", "a", "b"}},
        BadInput{"EmptyFile", "", "--target y", {"empty"}},
        BadInput{"HeaderOnly", "a,y\n", "--target y", {"row"}},
        BadInput{"BinaryFile", binary_content(), "--target y", {"binary"}},
        BadInput{"NanTarget",
                 "a,y\n1,2\n3,nan\n4,5\n",
                 "--target y",
                 {"data.csv:3", "\"y\"", "missing"}},
        BadInput{"ConstantColumn",
                 "a,c,y\n1,5,2\n3,5,4\n4,5,7\n",
                 "--target y",
                 {"\"c\"", "same value", "--ignore"}},
        BadInput{"OneClass", "a,y\n1,u\n3,u\n4,u\n", "--target y", {"class", "u"}},
        BadInput{
            "AsManyClassesAsRows", "a,y\n1,u\n3,v\n4,w\n", "--target y", {"3 classes in 3 rows"}},
        BadInput{"OpenQuote", "a,y\n1,\"2\n3,4\n", "--target y", {"line 2", "never closed"}},
        BadInput{"TextColumn",
                 "a,t,y\n1,red,2\n3,blue,4\n5,red,7\n",
                 "--target y",
                 {"\"t\"", "--categorical t"}},
        BadInput{"NegativeWeight",
                 "a,w,y\n1,1,2\n3,-1,4\n5,1,7\n",
                 "--target y --weight w",
                 {"data.csv:3", "\"w\"", "-1"}},
        BadInput{
            "InfiniteFeature", "a,y\n1,2\ninf,4\n5,7\n", "--target y", {"data.csv:3", "\"a\""}}),
    [](const testing::TestParamInfo<BadInput>& one) { return one.param.name; });

TEST(BadInputFiles, DirectoryAndNoSuchFile) {
  const TemporaryFolder folder;
  const CommandRun directory = run_command(folder, "fit /tmp --target y");
  EXPECT_EQ(directory.exit_code, 2);
  EXPECT_NE(directory.err.find("directory"), std::string::npos) << directory.err;
  const CommandRun absent = run_command(folder, "fit " + folder.path("none.csv") + " --target y");
  EXPECT_EQ(absent.exit_code, 2);
  EXPECT_NE(absent.err.find("none.csv"), std::string::npos) << absent.err;
}

TEST(BadInputFiles, AModelCutAnywhereIsRefused) {
  const TemporaryFolder folder;
  const std::string iris = std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv";
  ASSERT_EQ(run_command(folder, "fit " + iris + " --target species -o " + folder.path("m.json"))
                .exit_code,
            0);
  const std::string whole = folder.read("m.json");
  for (const double share : {0.0, 0.1, 0.5, 0.9}) {
    const std::string cut = folder.write(
        "cut.json",
        whole.substr(0, static_cast<std::size_t>(share * static_cast<double>(whole.size()))));
    const CommandRun run =
        run_command(folder, "predict " + cut + " " + iris + " -o " + folder.path("p.csv"));
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_NE(run.err.find("cut.json"), std::string::npos);
    EXPECT_EQ(folder.entries(), 2);
  }
}

TEST(BadInputFiles, OutputThatCannotBeWritten) {
  const TemporaryFolder folder;
  const std::string iris = std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv";
  const CommandRun run =
      run_command(folder, "fit " + iris + " --target species -o " + folder.path("no/such/m.json"));
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_NE(run.err.find("no/such/m.json"), std::string::npos) << run.err;
}

// Options that must be refused with exit code 3, and what the sentence must offer.
struct BadOption {
  std::string name;
  std::string options;
  std::string said;
};

class BadOptionTest : public testing::TestWithParam<BadOption> {};

TEST_P(BadOptionTest, ExitThreeAndTheValidChoices) {
  const TemporaryFolder folder;
  const std::string data = folder.write("d.csv", "a,y\n1,2\n2,1\n3,5\n4,4\n");
  const CommandRun run = run_command(folder, "fit " + data + " " + GetParam().options);
  EXPECT_EQ(run.exit_code, 3) << run.err;
  EXPECT_NE(run.err.find(GetParam().said), std::string::npos) << run.err;
  EXPECT_EQ(folder.entries(), 1);
}

INSTANTIATE_TEST_SUITE_P(
    Options, BadOptionTest,
    testing::Values(
        BadOption{"UnknownFlag", "--target y --nonsense", "--nonsense"},
        BadOption{"NoTarget", "", "--target"},
        BadOption{"Loss", "--target y --loss hinge", "poisson, logistic or softmax"},
        BadOption{"Model", "--target y --model tree", "auto, linear or softmax"},
        BadOption{"ModelAndLoss", "--target y --model linear --loss softmax", "--loss softmax"},
        BadOption{"Rule", "--target y --rule adamant", "gradient, momentum:M"},
        BadOption{"Momentum", "--target y --rule momentum:1.5", "[0, 1)"},
        BadOption{"Schedule", "--target y --schedule zigzag", "constant, step"},
        BadOption{"ScheduleKey", "--target y --schedule cosine:gamma=2", "minimum"},
        BadOption{"Rate", "--target y --learning-rate -1", "--learning-rate"},
        BadOption{"Penalty", "--target y --l2 -3", "--l2"},
        BadOption{"Batch", "--target y --batch-size 0", "--batch-size"},
        BadOption{"Epochs", "--target y --epochs 0", "--epochs"},
        BadOption{"Device", "--target y --device tpu", "auto, cpu, cuda or cuda:N"},
        BadOption{"Threads", "--target y --threads 0", "--threads"},
        BadOption{"Missing", "--target y --missing guess", "error, mean, drop, zero"},
        BadOption{"Precision", "--target y --precision fp8", "auto, fp64, fp32, tf32 or bf16"},
        BadOption{"TwoValidations", "--target y --valid v.csv --valid-fraction 0.5", "not both"},
        BadOption{"Delimiter", "--target y --delimiter ab", "not one character"},
        BadOption{"CommentIsQuote", "--target y --comment '\"'", "--quote and --comment are both"},
        BadOption{"CommentIsDigit", "--target y --comment 1", "must be a punctuation character"},
        BadOption{"DecimalIsDelimiter", "--target y --delimiter , --decimal comma",
                  "--delimiter and --decimal are both"},
        BadOption{"ThousandsIsDecimal", "--target y --thousands .",
                  "--decimal and --thousands are both"},
        BadOption{"Decimal", "--target y --decimal dot", "auto, point, comma"},
        BadOption{"EscapeAlone", "--target y --quote none --escape '\\'", "--escape works"},
        BadOption{"SkipLines", "--target y --skip-lines -1", "0 or more"},
        BadOption{"SkipLinesText", "--target y --skip-lines two", "--skip-lines"},
        BadOption{"Logistic", "--target y --loss logistic", "two classes"}),
    [](const testing::TestParamInfo<BadOption>& one) { return one.param.name; });

TEST(BadOptions, NoOutputReplacesAnInputOrAnotherOutput) {
  const TemporaryFolder folder;
  const std::string content = "a,b,y\n1,2,0\n2,1,1\n3,5,0\n4,4,1\n0,3,1\n";
  const std::string data = folder.write("data.csv", content);
  const std::string model = folder.path("m.json");
  ASSERT_EQ(run_command(folder, "fit " + data + " --target y -o " + model).exit_code, 0);
  for (const std::string& arguments :
       {"fit " + data + " --target y -o " + data, "fit " + data + " --target y --history " + data,
        "sweep " + data + " --target y --epochs 1 -o " + data,
        "sweep " + data + " --target y --epochs 1 --curves " + data,
        "predict " + model + " " + data + " --ignore y -o " + model,
        "portfolio " + data + " -o " + data,
        "fit " + data + " --target y -o new --history ./new"}) {
    const CommandRun run = run_command(folder, arguments);
    EXPECT_EQ(run.exit_code, 3) << arguments << ": " << run.err;
    EXPECT_NE(run.err.find(run.err.find("twice") == std::string::npos ? "is read" : "twice"),
              std::string::npos)
        << run.err;
    EXPECT_EQ(folder.read("data.csv"), content);
  }
}

TEST(Command, HelpHasAnExampleEverywhere) {
  const TemporaryFolder folder;
  for (const char* command : {"", "fit", "predict", "evaluate", "inspect", "generate", "devices"}) {
    const CommandRun run = run_command(folder, std::string(command) + " --help");
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_NE(run.out.find("Example: steepest"), std::string::npos) << command;
  }
  EXPECT_EQ(run_command(folder, "--version").out.rfind("steepest ", 0), 0U);
  EXPECT_EQ(run_command(folder, "").exit_code, 3);
  EXPECT_EQ(run_command(folder, "frobnicate").exit_code, 3);
}

TEST(Command, ADeviceThatIsNotThereIsNeverReplaced) {
  const TemporaryFolder folder;
  const auto devices = run_command(folder, "devices --json").json()["devices"];
  const auto count = devices[1]["usable"].get<bool>() ? devices.size() - 1 : 0;
  const std::string data = folder.write("d.csv", "a,y\n1,2\n2,1\n3,5\n4,4\n");
  const CommandRun run = run_command(
      folder, "fit " + data + " --target y --device cuda:" + std::to_string(count) + " --json");
  EXPECT_EQ(run.exit_code, 4);
  EXPECT_EQ(run.json()["error"]["kind"], "device");
}

}  // namespace
}  // namespace steepest::tests
