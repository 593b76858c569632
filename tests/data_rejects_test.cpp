// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include "steepest/error.hpp"
#include "steepest/read.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/thrown.hpp"

namespace steepest {
namespace {

class Rejects : public ::testing::Test {
 protected:
  Rejects() {
    options.bad_rows = BadRowPolicy::skip;
    options.rejects_path = folder.path("bad.csv");
  }

  Dataset read(const std::string& content) {
    options.paths = {folder.write("a.csv", content)};
    return read_dataset(options);
  }

  tests::TemporaryFolder folder;
  ReadOptions options;
};

constexpr const char* header = "file,line,line_byte,byte,column,name,error,raw,message\n";

TEST_F(Rejects, EveryBadRowIsWrittenWithItsPlace) {
  // Records at bytes 0, 4, 8, 14, 20, 28 and 34.
  const Dataset data = read("a,b\n1,2\n3,4,5\n6,\"x\"\n7,\"8\n9\"\n7\"7,1\n5,6\n");
  EXPECT_EQ(data.rows(), 2);
  EXPECT_EQ(data.rows_rejected, 4);
  EXPECT_EQ(data.features.row(1)[0], 5.0F);
  const std::string file = "\"" + folder.path("a.csv") + "\"";
  const std::string quote_message =
      "\"a quote stands inside a field that does not start with one; put the field in quotes and "
      "write the quote twice\"";
  EXPECT_EQ(folder.read("bad.csv"),
            header + file + ",3,8,8,,\"\",field_count,\"3,4,5\",\"expected 2 columns, found 3\"\n" +
                file +
                ",4,14,16,2,\"b\",not_number,\"6,\"\"x\"\"\",\"cannot read \"\"x\"\" as a "
                "number\"\n" +
                file +
                ",5,20,22,2,\"b\",not_number,\"7,\"\"8\n9\"\"\",\"cannot read "
                "\"\"8\\n9\"\" as a number\"\n" +
                file + ",7,28,29,1,\"a\",quote,\"7\"\"7,1\"," + quote_message + "\n");
  EXPECT_EQ(folder.entries(), 2);
}

TEST_F(Rejects, DroppedRowsAreWrittenToo) {
  options.bad_rows = BadRowPolicy::error;
  options.missing = MissingPolicy::drop;
  const Dataset data = read("a,b\n1,2\n3,\n");
  EXPECT_EQ(data.rows_rejected, 1);
  EXPECT_NE(folder.read("bad.csv").find(",3,8,10,2,\"b\",missing_value,\"3,\",\"the value is "
                                        "missing\"\n"),
            std::string::npos)
      << folder.read("bad.csv");
}

TEST_F(Rejects, NoBadRowLeavesAHeader) {
  static_cast<void>(read("a,b\n1,2\n"));
  EXPECT_EQ(folder.read("bad.csv"), header);
}

TEST_F(Rejects, AFailedReadLeavesWhatWasThere) {
  static_cast<void>(folder.write("bad.csv", "before"));
  EXPECT_THROW(static_cast<void>(read("a,b\n1,2\n3\n4,\"5\n")), InputError);
  EXPECT_EQ(folder.read("bad.csv"), "before");
  EXPECT_EQ(folder.entries(), 2);
}

TEST_F(Rejects, IsWrittenWhenEveryRowWasBad) {
  EXPECT_THROW(static_cast<void>(read("a,b\n1\n2\n")), InputError);
  EXPECT_NE(folder.read("bad.csv").find("field_count"), std::string::npos);
}

TEST_F(Rejects, APlaceThatCannotBeWrittenIsAnOptionError) {
  options.rejects_path = folder.path("nowhere/bad.csv");
  const std::string message =
      tests::thrown_message<OptionError>([&] { static_cast<void>(read("a,b\n1,2\n")); });
  EXPECT_NE(message.find("No such file or directory"), std::string::npos) << message;
}

TEST_F(Rejects, NeedsAPolicyThatSkips) {
  options.bad_rows = BadRowPolicy::error;
  EXPECT_THROW(static_cast<void>(read("a,b\n1,2\n")), OptionError);
}

}  // namespace
}  // namespace steepest
