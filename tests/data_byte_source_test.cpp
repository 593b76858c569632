// SPDX-License-Identifier: Apache-2.0
// Standard input that is a file, of which another program has read the beginning.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "src/data/byte_source.hpp"
#include "tests/packed.hpp"
#include "tests/temporary_folder.hpp"

namespace steepest::data {
namespace {

// Standard input for as long as this lives: a file from one of its bytes on.
class StandardInput {
 public:
  StandardInput(const std::string& path, std::int64_t from) : before_(::dup(STDIN_FILENO)) {
    const int file = ::open(path.c_str(), O_RDONLY);
    EXPECT_EQ(::lseek(file, from, SEEK_SET), from);
    EXPECT_EQ(::dup2(file, STDIN_FILENO), STDIN_FILENO);
    ::close(file);
  }
  ~StandardInput() {
    ::dup2(before_, STDIN_FILENO);
    ::close(before_);
  }
  StandardInput(const StandardInput&) = delete;
  StandardInput& operator=(const StandardInput&) = delete;

 private:
  int before_;
};

TEST(ByteSource, BeginsWhereStandardInputStands) {
  const tests::TemporaryFolder folder;
  for (const std::string& rest : {std::string("a,b\n1,2\n"), tests::gzip("a,b\n1,2\n")}) {
    const StandardInput input(folder.write("d.csv", "read already\n" + rest), 13);
    ByteSource source("-");
    ASSERT_TRUE(source.seekable());
    std::string buffer(100, '\0');
    EXPECT_EQ(source.read_at(buffer.data(), 100, 0), static_cast<std::int64_t>(rest.size()));
    EXPECT_EQ(buffer.substr(0, rest.size()), rest);
    EXPECT_EQ(source.read_at(buffer.data(), 100, 4), static_cast<std::int64_t>(rest.size()) - 4);
    std::string text(100, '\0');
    text.resize(static_cast<std::size_t>(source.read(text.data(), 100)));
    EXPECT_EQ(text, "a,b\n1,2\n");
  }
}

}  // namespace
}  // namespace steepest::data
