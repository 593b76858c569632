// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target without libFuzzer, for any compiler: every file of a corpus, and changes of
// it made by a generator with a fixed seed. TARGET_replay FOLDER [CHANGES_A_FILE]
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::vector<std::string> contents_of(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> contents;
  for (const std::filesystem::path& path : paths) {
    std::ifstream file(path, std::ios::binary);
    contents.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return contents;
}

class Changes {
 public:
  explicit Changes(const std::vector<std::string>& corpus) : corpus_(corpus) {}

  std::string of(std::string text) {
    for (std::uint32_t left = 1 + below(4); left > 0; --left) {
      change(text);
    }
    return text;
  }

 private:
  std::uint32_t below(std::size_t end) {
    return static_cast<std::uint32_t>(random_() % std::max<std::size_t>(end, 1));
  }

  void change(std::string& text) {
    static constexpr char telling[] = {'\0', '\x01', '\x7f', '\x80', '\xff', '0',  '9',  '-', '+',
                                       '.',  ',',    ':',    '/',    'e',    '"',  '\'', '[', ']',
                                       '{',  '}',    '(',    ')',    '\\',   '\n', ' ',  'n'};
    const std::size_t at = below(text.size() + 1);
    const std::size_t length = 1 + below(16);
    switch (below(6)) {
      case 0:
        text.insert(at, length, telling[below(std::size(telling))]);
        break;
      case 1:
        text.erase(at, length);
        break;
      case 2:
        text.insert(at, text.substr(below(text.size()), length));
        break;
      case 3: {
        const std::string& other = corpus_[below(corpus_.size())];
        text = text.substr(0, at) + other.substr(std::min<std::size_t>(at, other.size()));
        break;
      }
      default:
        if (at < text.size()) {
          text[at] = below(2) == 0 ? static_cast<char>(text[at] ^ (1 << below(8)))
                                   : telling[below(std::size(telling))];
        }
    }
  }

  const std::vector<std::string>& corpus_;
  std::mt19937 random_{1};
};

void run(const std::string& text) {
  // A copy of just this size, so that a sanitizer sees what is read beyond it.
  const std::vector<std::uint8_t> bytes(text.begin(), text.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fprintf(stderr, "give a folder, and how many changes of each file to run\n");
    return 3;
  }
  const std::vector<std::string> corpus = contents_of(argv[1]);
  if (corpus.empty()) {
    std::fprintf(stderr, "%s: holds no files\n", argv[1]);
    return 2;
  }
  const int wanted = argc == 3 ? std::atoi(argv[2]) : 0;
  Changes changes(corpus);
  for (const std::string& text : corpus) {
    run(text);
    for (int i = 0; i < wanted; ++i) {
      run(changes.of(text));
    }
  }
  std::printf("%zu files, %zu inputs\n", corpus.size(),
              corpus.size() * (1 + static_cast<std::size_t>(wanted)));
  return 0;
}
