// SPDX-License-Identifier: Apache-2.0
// Files that the tests of calibrate read: 200 rows of random logits with random labels, and iris.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "tests/run_command.hpp"

namespace steepest::tests {

inline const std::string reference_folder =
    std::string(STEEPEST_SOURCE_FOLDER) + "/tests/reference";
inline const std::string lesson = reference_folder + "/lesson.csv";

inline nlohmann::json lesson_reference() {
  std::ifstream file(reference_folder + "/calibration.json");
  return nlohmann::json::parse(file)["lesson"];
}

/// A version 1.0 .npy file in C order.
inline std::string npy(const std::string& type, const std::string& shape,
                       const std::string& elements) {
  std::string header =
      "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
  header.resize(117, ' ');
  header += '\n';
  return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + elements;
}

/// The lesson's rows as .npy files.
struct Lesson {
  std::string logits;
  std::string labels;

  explicit Lesson(const TemporaryFolder& folder) {
    std::ifstream file(lesson);
    std::string line;
    std::getline(file, line);
    std::string values;
    std::string classes;
    while (std::getline(file, line)) {
      std::istringstream fields(line);
      std::string field;
      for (int c = 0; c < 5; ++c) {
        std::getline(fields, field, ',');
        const double value = std::stod(field);
        values.append(reinterpret_cast<const char*>(&value), sizeof(value));
      }
      std::getline(fields, field, ',');
      const std::int64_t label = std::stoll(field);
      classes.append(reinterpret_cast<const char*>(&label), sizeof(label));
    }
    logits = folder.write("logits.npy", npy("<f8", "(200, 5)", values));
    labels = folder.write("labels.npy", npy("<i8", "(200,)", classes));
  }
};

//// Iris: a model that its penalty made too unsure, and the rows' classes by number.
struct Iris {
  std::string data = std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv";
  std::string model;
  std::string labels;

  explicit Iris(const TemporaryFolder& folder) : model(folder.path("iris.json")) {
    EXPECT_EQ(
        run_command(folder, "fit " + data + " --target species --l2 0.1 -o " + model).exit_code, 0);
    std::ifstream rows(data);
    std::string line;
    std::getline(rows, line);
    std::string text;
    while (std::getline(rows, line)) {
      const std::string species = line.substr(line.rfind(',') + 1);
      text += species == "setosa" ? "0\n" : species == "versicolor" ? "1\n" : "2\n";
    }
    labels = folder.write("iris_labels.txt", text);
  }
};

}  // namespace steepest::tests
