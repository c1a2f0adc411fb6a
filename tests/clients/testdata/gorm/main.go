// Command gorm runs GORM against one server and prints what it sees, for comparison.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
)

// Company has many users.
type Company struct {
	ID    uint   `gorm:"primarykey"`
	Name  string `gorm:"size:40;uniqueIndex;not null;comment:what it is called"`
	Users []User `gorm:"constraint:OnUpdate:CASCADE,OnDelete:SET NULL"`
}

// User belongs to a company, has a profile and speaks languages.
type User struct {
	gorm.Model
	Name      string  `gorm:"size:30;index:by_name_age,priority:1;check:name_check,name <> 'root'"`
	Age       int     `gorm:"index:by_name_age,priority:2,sort:desc;default:18"`
	Email     *string `gorm:"uniqueIndex:live_email,where:deleted_at is null"`
	Balance   float64 `gorm:"type:numeric(10,2);default:0"`
	Data      string  `gorm:"type:jsonb;default:'{}'"`
	Tags      []byte  `gorm:"type:bytea"`
	Score     uint8   `gorm:"type:smallint"`
	Serial    int64   `gorm:"autoIncrement"`
	Birthday  *time.Time
	Active    bool
	CompanyID *uint
	Company   *Company
	Profile   Profile    `gorm:"constraint:OnDelete:CASCADE"`
	Languages []Language `gorm:"many2many:user_languages"`
}

// Profile is one user's.
type Profile struct {
	UserID uint `gorm:"primarykey"`
	Text   string
}

// Language is spoken by users.
type Language struct {
	Code string `gorm:"primarykey;size:2"`
}

func show(xs ...any) {
	for _, x := range xs {
		if s, ok := x.(string); ok {
			fmt.Print(s, " ")
			continue
		}
		b, err := json.Marshal(x)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(string(b), " ")
	}
	fmt.Println()
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func fails(label string, err error) {
	var e *pgconn.PgError
	switch {
	case errors.As(err, &e):
		show(label, e.Code, e.Message, e.Detail, e.TableName, e.ColumnName, e.ConstraintName)
	case err != nil:
		show(label, err.Error())
	default:
		show(label, "did not fail")
	}
}

func open(database string, translate bool) *gorm.DB {
	db, err := gorm.Open(postgres.Open(fmt.Sprintf("host=%s port=%s user=postgres dbname=%s", os.Getenv("PGHOST"), os.Getenv("PGPORT"), database)),
		&gorm.Config{Logger: logger.Default.LogMode(logger.Silent), PrepareStmt: true, TranslateError: translate,
			NowFunc: func() time.Time { return time.Date(2024, 2, 29, 12, 0, 0, 5000, time.UTC) }})
	must(err)
	return db
}

func main() {
	admin := open("postgres", false)
	must(admin.Exec("drop database if exists gorm_client").Error)
	must(admin.Exec("create database gorm_client").Error)
	db := open("gorm_client", false)
	models := []any{&Company{}, &User{}, &Profile{}, &Language{}}
	must(db.AutoMigrate(models...))
	must(db.AutoMigrate(models...))
	schema(db, models)
	crud(db)
	must(db.Migrator().DropTable("user_languages", &Profile{}, &User{}, &Company{}, &Language{}))
	tables, err := db.Migrator().GetTables()
	must(err)
	show(tables)
	sql, _ := db.DB()
	must(sql.Close())
	must(admin.Exec("drop database gorm_client with (force)").Error)
}

func schema(db *gorm.DB, models []any) {
	m := db.Migrator()
	for _, model := range append(models, "user_languages") {
		cols, err := m.ColumnTypes(model)
		must(err)
		slices.SortFunc(cols, func(a, b gorm.ColumnType) int { return strings.Compare(a.Name(), b.Name()) })
		for _, c := range cols {
			typ, _ := c.ColumnType()
			length, _ := c.Length()
			precision, scale, _ := c.DecimalSize()
			null, _ := c.Nullable()
			unique, _ := c.Unique()
			key, _ := c.PrimaryKey()
			auto, _ := c.AutoIncrement()
			def, _ := c.DefaultValue()
			comment, _ := c.Comment()
			show(c.Name(), c.DatabaseTypeName(), typ, length, precision, scale, null, unique, key, auto, def, comment)
		}
		indexes, err := m.GetIndexes(model)
		must(err)
		byName := map[string]any{}
		for _, i := range indexes {
			unique, _ := i.Unique()
			key, _ := i.PrimaryKey()
			byName[i.Name()] = []any{i.Table(), i.Columns(), unique, key}
		}
		show(byName)
	}
	show(m.HasConstraint(&User{}, "name_check"), m.HasConstraint(&Company{}, "Users"), m.HasIndex(&User{}, "live_email"), m.HasColumn(&User{}, "nope"), m.CurrentDatabase())
}

func crud(db *gorm.DB) {
	mail := func(s string) *string { return &s }
	acme := Company{Name: "acme", Users: []User{
		{Name: "ada", Age: 36, Email: mail("ada@x"), Balance: 1.25, Data: `{"a": [1, 2]}`, Tags: []byte{0, 255}, Profile: Profile{Text: "p"}, Languages: []Language{{"en"}, {"fr"}}},
		{Name: "bob", Languages: []Language{{"en"}}}}}
	must(db.Create(&acme).Error)
	var users []User
	must(db.Preload("Company").Preload("Profile").Preload(clause.Associations).Order("id").Find(&users).Error)
	for i := range users {
		users[i].Company.Users = nil
	}
	show(users)
	batch := make([]User, 120)
	for i := range batch {
		batch[i] = User{Name: fmt.Sprintf("u%03d", i), Age: i + 1}
	}
	show(db.CreateInBatches(&batch, 50).RowsAffected, batch[119].ID, batch[119].Serial)
	var n int64
	must(db.Model(&User{}).Where("age between ? and ?", 10, 20).Or(User{Name: "ada"}).Count(&n).Error)
	var sums []struct {
		Name string
		N    int64
		S    float64
	}
	must(db.Model(&User{}).Select("companies.name, count(*) n, sum(age * 2) s").Joins("left join companies on companies.id = users.company_id").Group("companies.name").Having("count(*) > 1").Order("n").Scan(&sums).Error)
	show(n, sums)
	r := db.Model(&[]User{}).Clauses(clause.Returning{Columns: []clause.Column{{Name: "id"}, {Name: "age"}}}).Where("name = ?", "bob").Update("age", gorm.Expr("age + ?", 1))
	show(r.RowsAffected, db.Model(&User{}).Where("age > ?", 110).Updates(map[string]any{"active": true, "balance": 7}).RowsAffected)
	up := []Company{{Name: "acme"}, {Name: "other"}}
	must(db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "name"}}, DoUpdates: clause.AssignmentColumns([]string{"name"})}).Create(&up).Error)
	show(up[0].ID == acme.ID, db.Clauses(clause.OnConflict{DoNothing: true}).Create(&Company{Name: "acme"}).RowsAffected)
	var got User
	must(db.Where(User{Name: "new"}).Attrs(User{Age: 5}).FirstOrCreate(&got).Error)
	show(got.Name, got.Age)
	var ada, bob User
	must(db.First(&bob, "name = ?", "bob").Error)
	must(db.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).First(&ada, "name = ?", "ada").Error)
	show(ada.ID, ada.Data, errors.Is(db.First(&User{}, 4711).Error, gorm.ErrRecordNotFound))
	err := db.Transaction(func(tx *gorm.DB) error {
		must(tx.Create(&Company{Name: "kept"}).Error)
		show("inner", fmt.Sprint(tx.Transaction(func(in *gorm.DB) error {
			must(in.Create(&Company{Name: "lost"}).Error)
			return errors.New("back")
		})))
		must(tx.SavePoint("s").Error)
		fails("in a savepoint", tx.Create(&Company{Name: "acme"}).Error)
		must(tx.RollbackTo("s").Error)
		return nil
	})
	must(err)
	var names []string
	must(db.Model(&Company{}).Order("name").Pluck("name", &names).Error)
	show(names)
	fails("unique", db.Create(&Company{Name: "acme"}).Error)
	fails("check", db.Create(&User{Name: "root"}).Error)
	fails("foreign key", db.Create(&Profile{UserID: 4711}).Error)
	fails("json", db.Create(&User{Name: "j", Data: "{"}).Error)
	fails("translated", open("gorm_client", true).Create(&Company{Name: "acme"}).Error)
	fails("translated", open("gorm_client", true).Create(&Profile{UserID: 4711}).Error)
	must(db.Delete(&ada).Error)
	must(db.Create(&User{Name: "ada 2", Email: mail("ada@x")}).Error) // the unique index is of the living
	fails("still unique", db.Create(&User{Name: "ada 3", Email: mail("ada@x")}).Error)
	must(db.Select("Languages").Unscoped().Delete(&ada).Error)
	must(db.Model(&Profile{}).Count(&n).Error)
	show(n, db.Model(&bob).Association("Languages").Count())
	must(db.Model(&bob).Association("Languages").Replace([]Language{{"de"}}))
	show(db.Model(&bob).Association("Languages").Count(), db.Delete(&acme).RowsAffected)
	rows, err := db.Model(&User{}).Where("company_id is not null").Rows()
	must(err)
	show(rows.Next())
	must(rows.Close())
	m := db.Migrator()
	must(m.RenameColumn(&Company{}, "name", "title"))
	must(m.AlterColumn(&User{}, "Balance"))
	must(m.DropConstraint(&User{}, "name_check"))
	must(m.RenameIndex(&User{}, "by_name_age", "by_age"))
	must(m.CreateView("adults", gorm.ViewOption{Query: db.Model(&User{}).Select("id, name").Where("age >= 18"), Replace: true}))
	must(db.Table("adults").Count(&n).Error)
	show(n)
	must(m.DropView("adults"))
	show(m.HasColumn(&Company{}, "title"), m.HasIndex(&User{}, "by_age"))
	must(m.RenameColumn(&Company{}, "title", "name"))
}
