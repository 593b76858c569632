// SPDX-License-Identifier: Apache-2.0
// The folder of a table while it is written: beside its name, and put in its place at once.
#pragma once

#include <cstdint>
#include <string>

namespace steepest::data {

inline constexpr const char* table_format_name = "steepest-table";
inline constexpr int table_format_version = 1;
inline constexpr const char* schema_name = "schema.json";
inline constexpr const char* features_name = "features.npy";
inline constexpr const char* targets_name = "targets.npy";
inline constexpr const char* weights_name = "weights.npy";

/// Which folder it is, whatever its name. All 0: none, or the file system cannot tell.
struct FolderIdentity {
  std::int64_t device = 0;
  std::int64_t number = 0;  ///< may be that of a folder removed before
  std::int64_t born = 0;    ///< nanoseconds since 1970
};

/// Of an open folder.
[[nodiscard]] FolderIdentity identity_of(int descriptor);

/// Removed when it ends without commit(). What killed writers left beside the same name is removed
/// at the beginning, but for the part that is to be gone on with.
class NewFolder {
 public:
  /// Throws InputError when something stands at `path` that is no table, or nothing can be made
  /// beside it. `left`: a part that a process which has ended was writing.
  explicit NewFolder(const std::string& path, const FolderIdentity& left = {});
  ~NewFolder();
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  /// Name of a file in it, now.
  [[nodiscard]] std::string file(const char* name) const { return part_ + "/" + name; }

  [[nodiscard]] FolderIdentity identity() const;

  /// Whether it is the part that was left.
  [[nodiscard]] bool goes_on() const { return goes_on_; }

  /// Without commit() it stays, for another process to go on with.
  void keep() { is_kept_ = true; }

  /// The two change places at once, so that a whole folder stands there at any moment; what stood
  /// there before is removed with the part. Others may put something there meanwhile: it is looked
  /// at when it cannot be changed under our hands any more, and put back if it is not ours to
  /// remove.
  void commit();

 private:
  void lock();
  void remove_all_but_features() const;
  [[nodiscard]] bool renamed_in_turn();
  [[noreturn]] void take_back();
  void expect_replaceable(const std::string& folder) const;

  std::string path_;
  std::string part_;
  bool goes_on_ = false;
  bool is_kept_ = false;
  int lock_ = -1;  // on the part, for as long as it is written
};

}  // namespace steepest::data
