// SPDX-License-Identifier: Apache-2.0
// Columns: file,line,line_byte,byte,column,name,error,raw,message.
#include "src/data/rejects.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "src/model/part_name.hpp"
#include "steepest/error.hpp"
#include "steepest/output_file.hpp"

namespace steepest::data {
namespace {

constexpr std::string_view header = "file,line,line_byte,byte,column,name,error,raw,message\n";

// Always in quotes: raw lines hold anything.
std::string csv_text(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    result += c;
    if (c == '"') {
      result += c;
    }
  }
  result += '"';
  return result;
}

}  // namespace

Rejects::Rejects(std::string path) : path_(std::move(path)) {
  if (path_.empty()) {
    return;
  }
  remove_abandoned_parts(path_);
  partial_path_ = part_name(path_);
  stream_.open(partial_path_, std::ios::binary | std::ios::trunc);
  if (!stream_) {
    fail();
  }
  stream_ << header;
}

Rejects::Rejects(std::string path, const std::string& kept, bool anew) : path_(std::move(path)) {
  if (!path_.empty()) {
    try {
      const OutputFile writable(path_);  // told before the read, not behind it
    } catch (const InputError& error) {
      throw OptionError(fmt::format("--rejects {}", error.what()));
    }
    kept_ = ElementFile::kept(kept, anew);
    pending_ = anew ? header : "";
  }
}

void Rejects::flush() {
  const auto bytes = static_cast<std::int64_t>(pending_.size());
  kept_.write(pending_.data(), bytes, kept_bytes_);
  count(pending_);
  kept_bytes_ += bytes;
  pending_.clear();
}

void Rejects::exchange_state(kernels::StateArchive& archive) {
  if (!kept_.is_open()) {
    return;
  }
  if (!archive.is_reading()) {
    flush();
    kept_.sync();
  }
  archive.exchange_in(kept_bytes_, 0, archive.is_reading() ? kept_.size() : kept_bytes_);
  std::int64_t sum = kept_sum_;
  archive.exchange(sum);
  if (archive.is_reading()) {
    for_each_block([this](const std::string& block) { count(block); });
    if (sum != kept_sum_) {
      archive.fail(fmt::format(
          "{} is damaged, its checksum does not match: remove the folder of --checkpoint to begin "
          "anew",
          kept_.name()));
    }
  }
}

void Rejects::count(std::string_view bytes) {
  kept_sum_ =
      static_cast<std::uint32_t>(crc32_z(kept_sum_, reinterpret_cast<const Bytef*>(bytes.data()),
                                         static_cast<z_size_t>(bytes.size())));
}

template <class Body>
void Rejects::for_each_block(Body body) const {
  std::string block;
  constexpr std::int64_t most = std::int64_t{1} << 20;
  for (std::int64_t at = 0; at < kept_bytes_; at += most) {
    block.resize(static_cast<std::size_t>(std::min(most, kept_bytes_ - at)));
    kept_.read(block.data(), static_cast<std::int64_t>(block.size()), at);
    body(block);
  }
}

void Rejects::finish_kept() {
  flush();
  try {
    OutputFile file(path_);
    for_each_block([&file](const std::string& block) { file.write(block); });
    file.commit();
  } catch (const InputError& error) {
    throw OptionError(fmt::format("--rejects {}", error.what()));
  }
}

Rejects::~Rejects() {
  if (stream_.is_open()) {
    stream_.close();
    ::unlink(partial_path_.c_str());
  }
}

void Rejects::fail() const {
  throw OptionError(fmt::format("--rejects {}: cannot write it: {}", path_,
                                std::generic_category().message(errno)));
}

void Rejects::add(const RowProblem& problem, const RecordReader& reader, const ColumnNames& names) {
  if (!stream_.is_open() && !kept_.is_open()) {
    return;
  }
  const Location at = location_of(problem, reader, names);
  const std::string line = fmt::format(
      "{},{},{},{},{},{},{},{},{}\n", csv_text(at.file), at.line, reader.byte(), at.byte,
      at.column > 0 ? std::to_string(at.column) : std::string(), csv_text(at.column_name),
      name_of(problem.kind), csv_text(reader.record().raw), csv_text(problem.sentence));
  if (!kept_.is_open()) {
    stream_ << line;
    return;
  }
  pending_ += line;
  constexpr std::size_t most_pending = std::size_t{1} << 16;
  if (pending_.size() > most_pending) {
    flush();
  }
}

void Rejects::finish() {
  if (kept_.is_open()) {
    finish_kept();
    return;
  }
  if (!stream_.is_open()) {
    return;
  }
  stream_.close();
  if (!stream_ || std::rename(partial_path_.c_str(), path_.c_str()) != 0) {
    const int code = errno;
    ::unlink(partial_path_.c_str());
    errno = code;
    fail();
  }
}

}  // namespace steepest::data
