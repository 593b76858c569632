// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "src/data/new_folder.hpp"
#include "tests/temporary_folder.hpp"

namespace steepest::data {
namespace {

class NewFolders : public testing::Test {
 protected:
  // A part that was left with its features and more, and which it is.
  FolderIdentity leave() const {
    NewFolder left(path_);
    for (const char* const name : {features_name, targets_name, "junk"}) {
      std::ofstream(left.file(name)) << name;
    }
    left.keep();
    return left.identity();
  }

  tests::TemporaryFolder folder_;
  std::string path_ = folder_.path("table");
};

TEST_F(NewFolders, GoOnWithTheFeaturesOfThePartThatWasLeft) {
  const FolderIdentity left = leave();
  if (left.born == 0) {
    GTEST_SKIP() << "this file system does not say when a folder was made";
  }
  const NewFolder next(path_, left);
  EXPECT_TRUE(next.goes_on());
  EXPECT_TRUE(std::filesystem::exists(next.file(features_name)));
  EXPECT_FALSE(std::filesystem::exists(next.file(targets_name)));
  EXPECT_FALSE(std::filesystem::exists(next.file("junk")));
}

// Its number may be that of one removed before.
TEST_F(NewFolders, DoNotTakeAnotherFolderOfTheSameNumber) {
  FolderIdentity left = leave();
  left.born += 1;
  const NewFolder next(path_, left);
  EXPECT_FALSE(next.goes_on());
  EXPECT_TRUE(std::filesystem::is_empty(next.file("")));
  EXPECT_EQ(folder_.entries(), 1);
}

TEST_F(NewFolders, LeaveAloneWhatIsBeingWritten) {
  const NewFolder one(path_);
  EXPECT_THROW(NewFolder{path_}, std::exception);
  EXPECT_TRUE(std::filesystem::exists(one.file("")));
}

}  // namespace
}  // namespace steepest::data
