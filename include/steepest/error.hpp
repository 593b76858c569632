// SPDX-License-Identifier: Apache-2.0
// The exceptions of the library: each carries one sentence that tells the user what to do.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace steepest {

/// Base of everything the library throws on purpose.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Where in an input file something was found. Line, byte and column count from 1, byte from 0;
/// 0 in `line` or `column` means that the error is about the whole file or the whole line.
struct Location {
  std::string file;
  std::int64_t line = 0;
  std::int64_t byte = 0;
  std::int64_t column = 0;
  std::string column_name = {};  // initialised, so that Location{file} is complete
};

/// The data cannot be used: a wrong cell, a ragged row, a missing target, a damaged model file.
/// The command exits with 2.
class InputError : public Error {
 public:
  explicit InputError(const std::string& sentence) : Error(sentence) {}

  /// what() reads `FILE:LINE (byte BYTE) column COLUMN "NAME": SENTENCE`, leaving out what is 0.
  InputError(Location location, const std::string& sentence);

  [[nodiscard]] const Location& location() const { return location_; }

 private:
  Location location_;
};

/// An option or a combination of options is wrong; the sentence lists the valid ones. Exit code 3.
class OptionError : public Error {
 public:
  using Error::Error;
};

/// The device asked for cannot be used, or failed. The command exits with 4.
class DeviceError : public Error {
 public:
  using Error::Error;
};

}  // namespace steepest
