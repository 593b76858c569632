// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "steepest/error.hpp"
#include "steepest/fit.hpp"
#include "steepest/model.hpp"
#include "steepest/read.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

Dataset small_data(const TemporaryFolder& folder) {
  ReadOptions read;
  read.paths = {
      folder.write("d.csv",
                   "a,\"b, quoted\",color,label\n0.1,3e-7,red,u\n0.7,,blue,v\n"
                   "-2.5,1e-7,green,u\n3.25,5e-7,red,v\n1.125,2e-7,blue,w\n4,9e-7,red,w\n")};
  read.targets = {"label"};
  read.categorical = {"color"};
  read.missing = MissingPolicy::mean;
  return read_dataset(read);
}

Model fitted(const TemporaryFolder& folder) {
  FitOptions options;
  options.device.kind = DeviceChoice::Kind::cpu;
  return fit(small_data(folder), options).model;
}

TEST(ModelFile, PredictsTheSameBitsAfterSavingAndLoading) {
  const TemporaryFolder folder;
  const Model model = fitted(folder);
  save_model(model, folder.path("m.json"));
  const Model loaded = load_model(folder.path("m.json"));
  EXPECT_EQ(loaded.coefficients, model.coefficients);
  EXPECT_EQ(loaded.intercept, model.intercept);
  const Dataset data = small_data(folder);
  EXPECT_EQ(loaded.scores(data.features), model.scores(data.features));
  EXPECT_EQ(loaded.kind, model.kind);
  EXPECT_EQ(loaded.loss, model.loss);
  EXPECT_EQ(loaded.l2, model.l2);
  EXPECT_EQ(loaded.schema.feature_names(), model.schema.feature_names());
  EXPECT_EQ(loaded.schema.classes, model.schema.classes);
  EXPECT_EQ(loaded.schema.columns[1].missing_fill, model.schema.columns[1].missing_fill);
  EXPECT_EQ(loaded.schema.columns[2].levels, model.schema.columns[2].levels);
  EXPECT_EQ(loaded.feature_mean, model.feature_mean);
  EXPECT_EQ(loaded.feature_scale, model.feature_scale);
  EXPECT_EQ(loaded.converged, model.converged);
  EXPECT_EQ(loaded.inequality, model.inequality);
  EXPECT_EQ(folder.entries(), 2);  // the data and the model, nothing temporary
}

TEST(ModelFile, EveryCutIsRefused) {
  const TemporaryFolder folder;
  save_model(fitted(folder), folder.path("m.json"));
  const std::string whole = folder.read("m.json");
  for (std::size_t size = 0; size + 2 < whole.size(); size += 37) {
    const std::string path = folder.write("cut.json", whole.substr(0, size));
    EXPECT_THROW(static_cast<void>(load_model(path)), InputError) << size;
  }
}

// Every key taken away, and every value replaced by another type, must be noticed.
TEST(ModelFile, EveryKeyIsNeededAndTyped) {
  const TemporaryFolder folder;
  save_model(fitted(folder), folder.path("m.json"));
  const auto whole = nlohmann::json::parse(folder.read("m.json"));
  for (const auto& [key, value] : whole.items()) {
    if (key == "steepest_version") {
      continue;  // for people
    }
    auto without = whole;
    without.erase(key);
    const std::string path = folder.write("x.json", without.dump());
    if (key == "l1" || key == "constraint") {  // files of earlier versions have neither
      EXPECT_NO_THROW(static_cast<void>(load_model(path))) << key;
    } else {
      EXPECT_THROW(static_cast<void>(load_model(path)), InputError) << key;
    }
    auto other = whole;
    other[key] = nlohmann::json::object({{"unexpected", 1}});
    EXPECT_THROW(static_cast<void>(load_model(folder.write("x.json", other.dump()))), InputError)
        << key;
  }
}

TEST(ModelFile, SizesMustAgree) {
  const TemporaryFolder folder;
  save_model(fitted(folder), folder.path("m.json"));
  const auto whole = nlohmann::json::parse(folder.read("m.json"));
  const auto refused = [&](const nlohmann::json& json, const std::string& said) {
    const std::string message = thrown_message<InputError>(
        [&] { static_cast<void>(load_model(folder.write("x.json", json.dump()))); });
    EXPECT_NE(message.find(said), std::string::npos) << message;
    EXPECT_NE(message.find("x.json"), std::string::npos) << message;
  };
  auto json = whole;
  json["intercept"].push_back(1.0);
  refused(json, "intercept");
  json = whole;
  json["coefficients"][1].push_back(1.0);
  refused(json, "coefficients");
  json = whole;
  json["coefficients"].erase(2);
  refused(json, "coefficients");
  json = whole;
  json["format_version"] = 3;
  refused(json, "version 3");
  json = whole;
  json["calibration"] = {{"method", "isotonic"}, {"factors", {1.0}}, {"intercept", nullptr}};
  refused(json, "isotonic");
  json["calibration"] = {{"method", "vector"},
                         {"factors", std::vector<double>{1.0}},
                         {"intercept", std::vector<double>{0.0}}};
  refused(json, "factors");
  json = whole;
  json["kind"] = "forest";
  refused(json, "forest");
  json = whole;
  json["features"][0] = "other";
  refused(json, "features");
  json = whole;
  json["feature_scale"][0] = nullptr;
  refused(json, "feature_scale");
  refused(nlohmann::json::array({1, 2}), "not a model");
}

// What a parser takes and a program may break on.
TEST(ModelFile, HostileJsonIsRefused) {
  const TemporaryFolder folder;
  const Model model = fitted(folder);
  save_model(model, folder.path("m.json"));
  const std::string whole = folder.read("m.json");
  const auto message_of = [&](const std::string& text) {
    return thrown_message<InputError>(
        [&] { static_cast<void>(load_model(folder.write("x.json", text))); });
  };
  const auto with = [&](const std::string& key, const std::string& value) {
    std::string text = whole;
    const std::size_t at = text.find("\"" + key + "\": ") + key.size() + 4;
    return text.replace(at, text.find_first_of(",\n", at) - at, value);
  };
  EXPECT_DOUBLE_EQ(load_model(folder.write("x.json", with("l2", "0.5"))).l2, 0.5);
  constexpr std::size_t deep = 1'000'000;
  const std::string nest = std::string(deep, '[') + std::string(deep, ']');
  EXPECT_NE(message_of(nest).find("nested too deeply"), std::string::npos);
  EXPECT_NE(message_of(with("l2", nest)).find("nested too deeply"), std::string::npos);
  EXPECT_EQ(message_of(with("kind", "\"" + std::string(deep, '[') + "\"")).find("nested"),
            std::string::npos);
  EXPECT_NE(message_of(with("l2", "1e999")).find("too large"), std::string::npos);
  for (const char* const number : {"1e300", "1.5", "18446744073709551615", "-1e18"}) {
    EXPECT_NE(message_of(with("training_rows", number)).find("\"training_rows\""),
              std::string::npos)
        << number;
    EXPECT_NE(message_of(with("format_version", number)).find("\"format_version\""),
              std::string::npos)
        << number;
  }
}

TEST(ModelFile, AFailedSaveLeavesTheOldModel) {
  const TemporaryFolder folder;
  Model model = fitted(folder);
  EXPECT_THROW(save_model(model, folder.path("no/such/folder.json")), InputError);
  EXPECT_THROW(save_model(model, folder.path("")), InputError);
  EXPECT_THROW(static_cast<void>(load_model(folder.path("absent.json"))), InputError);
  EXPECT_THROW(static_cast<void>(load_model(folder.path(""))), InputError);
  EXPECT_EQ(folder.entries(), 1);
}

TEST(Model, SoftmaxSumsToOneForAnyScores) {
  std::vector<double> scores = {1e4, -1e4, 0, 1, 2, 3};
  softmax_in_place(scores, 3);
  EXPECT_DOUBLE_EQ(scores[0], 1.0);
  EXPECT_DOUBLE_EQ(scores[1], 0.0);
  EXPECT_NEAR(scores[3] + scores[4] + scores[5], 1.0, 1e-15);
  EXPECT_NEAR(scores[5] / scores[4], std::exp(1.0), 1e-14);
}

}  // namespace
}  // namespace steepest::tests
