# ActiveRecord against one server, printed for comparison.
require "active_record"

at = { adapter: "postgresql", host: ENV["PGHOST"], port: ENV["PGPORT"].to_i, username: "postgres" }
ActiveRecord::Base.logger = nil
ActiveRecord::Migration.verbose = false
tasks = ActiveRecord::Tasks::PostgreSQLDatabaseTasks rescue nil
ActiveRecord::Base.establish_connection(at.merge(database: "postgres"))
admin = ActiveRecord::Base.connection
admin.drop_database("rails_client")
admin.create_database("rails_client", encoding: "unicode")
ActiveRecord::Base.establish_connection(at.merge(database: "rails_client"))

class CreateAll < ActiveRecord::Migration[6.0]
  def change
    create_table :authors, comment: "who writes" do |t|
      t.string :name, null: false, limit: 40, index: { unique: true }
      t.date :born
      t.jsonb :data, default: {}
      t.text :tags, array: true, default: []
      t.decimal :rate, precision: 8, scale: 2, default: 1.5
      t.integer :books_count, default: 0
      t.integer :lock_version, default: 0
      t.timestamps
      t.check_constraint "rate >= 0", name: "rate_check" if t.respond_to?(:check_constraint)
    end
    create_table :books, id: :uuid, default: -> { "gen_random_uuid()" } do |t|
      t.references :author, null: false, foreign_key: { on_delete: :cascade }
      t.string :title
      t.interval :length
      t.binary :cover
      t.inet :ip
      t.int4range :pages
      t.boolean :out, null: false, default: false
      t.index %i[author_id title], order: { title: :desc }, name: "by_title", where: "title is not null"
      t.index "lower(title)", name: "lower_title"
    end
    create_join_table :authors, :prizes
    create_table(:prizes) { |t| t.string :label }
  end
end

class Author < ActiveRecord::Base
  has_many :books, dependent: :destroy
  has_and_belongs_to_many :prizes
  validates :name, uniqueness: true, on: :checked
end

class Book < ActiveRecord::Base
  belongs_to :author, counter_cache: true
end

class Prize < ActiveRecord::Base
  has_and_belongs_to_many :authors
end

def fails(label)
  ActiveRecord::Base.transaction(requires_new: true) { yield }
  puts "#{label} did not fail"
rescue ActiveRecord::ActiveRecordError => e
  r = e.cause.respond_to?(:result) ? e.cause.result : nil
  puts [label, e.class, r&.error_field(PG::PG_DIAG_SQLSTATE), r&.error_field(PG::PG_DIAG_MESSAGE_PRIMARY), r&.error_field(PG::PG_DIAG_CONSTRAINT_NAME)].inspect
end

def schema
  c = ActiveRecord::Base.connection
  puts c.tables.sort.inspect, c.current_database, c.schema_names.inspect, c.encoding, c.collation, c.ctype
  c.tables.sort.each do |t|
    puts t, c.table_comment(t).inspect, c.primary_key(t).inspect, c.pk_and_sequence_for(t).to_a.map(&:to_s).inspect
    c.columns(t).each { |x| puts "  " + [x.name, x.sql_type, x.null, x.default, x.default_function, x.array, x.comment].inspect }
    c.indexes(t).sort_by(&:name).each { |x| puts "  " + [x.name, x.unique, x.columns, x.orders, x.where, x.using].inspect }
    c.foreign_keys(t).each { |x| puts "  " + [x.name, x.to_table, x.options.reject { |k, _| k == :name }.sort].inspect }
    c.check_constraints(t).each { |x| puts "  " + [x.name, x.expression].inspect } if c.respond_to?(:check_constraints)
  end
end

CreateAll.migrate(:up)
schema
dump = StringIO.new
ActiveRecord::SchemaDumper.dump(ActiveRecord::Base.connection, dump)
puts dump.string.gsub(/version: .*\) do/, "version: 0) do").gsub(/\n  # These are extensions.*?enable_extension "plpgsql"\n/m, "")

ada = Author.create!(name: "ada", born: "1815-12-10", data: { a: [1, nil] }, tags: %w[x y])
bob = Author.create!(name: "bob")
ada.books.create!([{ title: "One", length: 3.hours, cover: "\0\xff".b, ip: "10.0.0.1", pages: 1..5 }, { title: "Two" }])
ada.reload
puts [ada.books_count, ada.data, ada.tags, ada.rate, ada.lock_version].inspect
b = Book.find_by(title: "One")
puts [b.length, b.cover, b.ip.to_s, b.pages, b.out].inspect
ada.prizes << Prize.create!(label: "red")
puts Author.includes(:books, :prizes).order(:name).map { |a| [a.name, a.books.map(&:title).sort, a.prizes.map(&:label)] }.inspect
puts Author.left_joins(:books).group(:name).order(:name).count("books.id").inspect, Author.where("data @> ?", '{"a": [1]}').pluck(:name).inspect
puts Author.where("'x' = any (tags)").or(Author.where(name: "bob")).order(:id).pluck(:name).inspect, Author.average(:rate).inspect, Book.where(title: "A".."Z").exists?
puts Author.insert_all([{ name: "cyd", created_at: Time.at(0), updated_at: Time.at(0) }, { name: "ada", created_at: Time.at(0), updated_at: Time.at(0) }], returning: :name).rows.inspect
puts Author.upsert_all([{ name: "cyd", rate: 9, created_at: Time.at(0), updated_at: Time.at(0) }], unique_by: :name).length, Author.find_by(name: "cyd").rate.inspect
puts Author.in_batches(of: 2).map { |r| r.order(:id).pluck(:name) }.inspect, Author.where(name: "bob").update_all("rate = rate + 1"), Author.find_or_create_by!(name: "dan").name
stale = Author.find(bob.id)
bob.update!(rate: 3)
begin
  stale.update!(rate: 4)
rescue ActiveRecord::StaleObjectError => e
  puts e.class
end
Author.transaction do
  Author.create!(name: "kept")
  Author.transaction(requires_new: true) do
    Author.create!(name: "lost")
    raise ActiveRecord::Rollback
  end
  puts Author.lock("FOR UPDATE SKIP LOCKED").find_by(name: "ada").name
end
puts Author.order(:name).pluck(:name).inspect
fails("unique") { Author.create!(name: "ada") }
fails("null") { Author.create!(name: nil) }
fails("foreign key") { Book.new(author_id: 4711).save!(validate: false) }
fails("foreign key 2") { Book.insert_all!([{ author_id: 4711 }]) }
fails("long") { Author.create!(name: "x" * 41) }
fails("range") { Author.create!(name: "r", rate: 1e9) }
fails("validated") { Author.new(name: "ada").save!(context: :checked) }
fails("table") { ActiveRecord::Base.connection.execute("select * from nope") }
Author.transaction(isolation: :serializable) { puts ActiveRecord::Base.connection.select_value("show transaction_isolation") }
puts ActiveRecord::Base.connection.get_advisory_lock(42), ActiveRecord::Base.connection.release_advisory_lock(42)
ada.destroy!
puts Book.count, Author.connection.exec_query("select count(*) from authors_prizes").rows.inspect
c = ActiveRecord::Base.connection
c.change_table(:authors) { |t| t.rename :born, :birthday; t.change :rate, :float; t.string :nick, default: "n"; t.remove_index :name }
c.change_column_null :authors, :nick, false, "n"
c.rename_table :prizes, :awards
c.add_index :authors, :nick, algorithm: :concurrently
puts c.columns(:authors).map { |x| [x.name, x.sql_type, x.null] }.inspect, c.table_exists?(:awards)
c.rename_table :awards, :prizes
c.change_table(:authors) { |t| t.rename :birthday, :born; t.index :name, unique: true }
c.disable_referential_integrity { puts "without triggers" } rescue puts "disable_referential_integrity: #{$!.class}"
CreateAll.migrate(:down)
puts c.tables.inspect
ActiveRecord::Base.establish_connection(at.merge(database: "postgres"))
ActiveRecord::Base.connection.drop_database("rails_client")
