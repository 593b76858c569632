// SPDX-License-Identifier: Apache-2.0
// Blocks of large pages: where they begin, what they keep, and that they ask.
#include "kernels/page_block.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <new>
#include <sstream>
#include <string>

namespace steepest::tests {
namespace {

constexpr std::size_t large_page = std::size_t{2} << 20;

bool begins_a_large_page(const char* block) {
  return reinterpret_cast<std::uintptr_t>(block) % large_page == 0;
}

// The flags the system keeps of the memory at an address, as in /proc/self/smaps.
std::string flags_of(const char* address) {
  std::ifstream maps("/proc/self/smaps");
  std::string line;
  bool here = false;
  while (std::getline(maps, line)) {
    std::uintptr_t first = 0;
    std::uintptr_t end = 0;
    char dash = 0;
    std::istringstream range(line);
    if (range >> std::hex >> first >> dash >> end && dash == '-') {
      const auto at = reinterpret_cast<std::uintptr_t>(address);
      here = first <= at && at < end;
    } else if (here && line.rfind("VmFlags:", 0) == 0) {
      return line + " ";
    }
  }
  return "";
}

TEST(PageBlock, BeginsAtALargePageAndIsZeroWhateverItGrowsTo) {
  std::size_t bytes = 5'000'001;
  char* block = kernels::take_page_block(bytes);
  EXPECT_TRUE(begins_a_large_page(block));
  EXPECT_TRUE(std::all_of(block, block + bytes, [](char byte) { return byte == 0; }));
  std::memset(block, 7, bytes);
  for (const std::size_t more : {7'500'000U, 30'000'000U, 64U << 20}) {
    block = kernels::resize_page_block(block, bytes, more);
    EXPECT_TRUE(begins_a_large_page(block)) << more;
    EXPECT_TRUE(std::all_of(block, block + bytes, [](char byte) { return byte == 7; })) << more;
    EXPECT_TRUE(std::all_of(block + (bytes + 4095) / 4096 * 4096, block + more, [](char byte) {
      return byte == 0;
    })) << more;
    std::memset(block, 7, more);
    bytes = more;
  }
  block = kernels::resize_page_block(block, bytes, 4'000'000);
  EXPECT_TRUE(std::all_of(block, block + 4'000'000, [](char byte) { return byte == 7; }));
  block = kernels::resize_page_block(block, 4'000'000, 9'000'000);
  EXPECT_EQ(block[8'999'999], 0);
  kernels::free_page_block(block, 9'000'000);
}

TEST(PageBlock, AsksForLargePagesAndKeepsAskingWhereItGrows) {
  std::ifstream setting("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string text;
  if (!std::getline(setting, text)) {
    GTEST_SKIP() << "this system has no transparent huge pages";
  }
  char* block = kernels::take_page_block(8 << 20);
  EXPECT_NE(flags_of(block).find(" hg "), std::string::npos) << flags_of(block);
  block = kernels::resize_page_block(block, 8 << 20, 40 << 20);
  EXPECT_NE(flags_of(block + (39 << 20)).find(" hg "), std::string::npos);
  kernels::free_page_block(block, 40 << 20);
}

TEST(PageBlock, WhatTheSystemHasNotIsABadAllocThatChangesNothing) {
  constexpr std::size_t too_many = std::size_t{1} << 62;
  EXPECT_THROW(static_cast<void>(kernels::take_page_block(too_many)), std::bad_alloc);
  char* const block = kernels::take_page_block(5 << 20);
  std::memset(block, 3, 5 << 20);
  EXPECT_THROW(static_cast<void>(kernels::resize_page_block(block, 5 << 20, too_many)),
               std::bad_alloc);
  EXPECT_EQ(block[(5 << 20) - 1], 3);
  kernels::free_page_block(block, 5 << 20);
}

}  // namespace
}  // namespace steepest::tests
